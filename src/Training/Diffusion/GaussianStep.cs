using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>How a density over many elements becomes one number a row.</summary>
public enum DensityReduction
{
    /// <summary>The mean over the elements, as published code has it: ratios stay near 1 for large samples.</summary>
    Mean,

    /// <summary>The sum: the logarithm of the density itself.</summary>
    Sum,
}

/// <summary>One reverse step as a Gaussian policy: x_{t'} ~ N(mean, std²).</summary>
/// <param name="Clean">[B,…] what the network believes of x_0; null where the step has no use for it.</param>
/// <param name="Mean">[B,…].</param>
/// <param name="Std">[B]; 0 where the step is deterministic, which then has no density.</param>
public sealed record GaussianStep(Tensor? Clean, Tensor Mean, Tensor Std)
{
    /// <summary>mean + std·noise.</summary>
    /// <param name="noise">[B,…] standard normal.</param>
    public Tensor Sample(Tensor noise)
    {
        Coefficients.RequireSameShape(Mean, "mean", noise, "step_noise");
        return Mean + (Coefficients.Over(Std, Mean) * noise);
    }

    /// <summary>[B] the log-density of where a step led; the gradient goes through the mean only.</summary>
    /// <exception cref="InvalidInputException">A std that is not above 0.</exception>
    public Tensor LogDensity(Tensor sample, DensityReduction reduction = DensityReduction.Mean) => GaussianDensity.Of(sample, Mean, Std, reduction);
}

/// <summary>Options of <see cref="GaussianDensity"/>.</summary>
public sealed record GaussianDensityOptions
{
    /// <summary>How the elements become one number a row.</summary>
    public DensityReduction Reduction { get; init; } = DensityReduction.Mean;
}

/// <summary>The log-density of a step.</summary>
public static class GaussianDensity
{
    /// <summary>[B] -(sample-mean)²/(2 std²) - log std - log(2π)/2 over all elements of a row, in float32 or better.</summary>
    /// <param name="sample">[B,…]; no gradient goes through it.</param>
    /// <param name="mean">[B,…].</param>
    /// <param name="std">[B].</param>
    /// <param name="reduction">Mean or sum over the elements.</param>
    /// <exception cref="InvalidInputException">Shapes differ, or a std is not above 0: a deterministic step has no density.</exception>
    public static Tensor Of(Tensor sample, Tensor mean, Tensor std, DensityReduction reduction = DensityReduction.Mean)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(std);
        Coefficients.RequireSameShape(sample, "sample", mean, "mean");
        if (!(std.min().to_type(ScalarType.Float64).ToDouble() > 0))
        {
            throw new InvalidInputException("a std is not above 0: a step without noise (eta 0, or one that ends at the clean sample) has no density; leave it out");
        }

        var (x, m) = (Coefficients.Precise(sample).detach(), Coefficients.Precise(mean));
        var deviation = Coefficients.Over(std, m);
        var squares = ((x - m) / deviation).square().flatten(1);
        var elements = squares.shape[1];
        var constant = std.to(m.dtype, m.device).log() + (0.5 * Math.Log(2 * Math.PI));
        return reduction == DensityReduction.Mean ? (-0.5 * squares.mean([1])) - constant : (-0.5 * squares.sum(1)) - (elements * constant);
    }

    /// <summary>logps [B]; loss = -mean(logps).</summary>
    /// <param name="sample">[B,…].</param>
    /// <param name="mean">[B,…].</param>
    /// <param name="std">[B].</param>
    /// <param name="options">Mean or sum over the elements.</param>
    [Target("diffusion-baseline/gaussian_logp")]
    public static Loss Compute(Tensor sample, Tensor mean, Tensor std, GaussianDensityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var logps = Of(sample, mean, std, options.Reduction);
        return new Loss(-logps.mean()) { ["logps"] = logps.detach() };
    }
}
