using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of <see cref="Guidance"/>.</summary>
public sealed record GuidanceOptions
{
    /// <summary>How far from the prediction without a condition towards the one with it; 1 is the conditional prediction.</summary>
    public double GuidanceScale { get; init; } = 7.5;

    /// <summary>How much of each row's spread is brought back to that of the conditional prediction (arXiv 2305.08891).</summary>
    [Interval(0, 1)]
    public double GuidanceRescale { get; init; }
}

/// <summary>Classifier-free guidance (arXiv 2207.12598).</summary>
public static class Guidance
{
    /// <summary>u + scale·(c - u); rescaled: φ·p·std(c)/std(p) + (1-φ)·p, std over a row's elements, n-1.</summary>
    /// <param name="conditional">[B,…] c.</param>
    /// <param name="unconditional">[B,…] u.</param>
    /// <param name="scale">1 is c itself.</param>
    /// <param name="rescale">φ in [0,1].</param>
    public static Tensor Combine(Tensor conditional, Tensor unconditional, double scale, double rescale = 0)
    {
        ArgumentNullException.ThrowIfNull(conditional);
        ArgumentNullException.ThrowIfNull(unconditional);
        Coefficients.RequireSameShape(conditional, "cond_prediction", unconditional, "uncond_prediction");
        var guided = unconditional + (scale * (conditional - unconditional));
        if (rescale <= 0)
        {
            return guided;
        }

        var ratio = Spread(conditional) / Spread(guided);
        return (rescale * Coefficients.Over(ratio, guided) * guided) + ((1 - rescale) * guided);
    }

    /// <summary>prediction [B,…]; loss = mean square.</summary>
    /// <param name="condPrediction">[B,…].</param>
    /// <param name="uncondPrediction">[B,…].</param>
    /// <param name="options">Scale and rescaling.</param>
    [Target("diffusion-baseline/guidance")]
    public static Loss Compute(Tensor condPrediction, Tensor uncondPrediction, GuidanceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var guided = Combine(condPrediction, uncondPrediction, options.GuidanceScale, options.GuidanceRescale);
        return new Loss(guided.square().mean()) { ["prediction"] = guided.detach() };
    }

    private static Tensor Spread(Tensor values)
    {
        var flat = values.flatten(1);
        var centred = flat - flat.mean([1], keepdim: true);
        return (centred.square().sum(1) / (flat.shape[1] - 1)).sqrt();
    }
}
