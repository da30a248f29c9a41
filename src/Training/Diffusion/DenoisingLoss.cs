using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>How much a row counts by its noise.</summary>
public enum DenoisingWeighting
{
    /// <summary>Each the same.</summary>
    None,

    /// <summary>Signal to noise, cut at gamma (arXiv 2303.09556), on the diffusion path.</summary>
    MinSnr,
}

/// <summary>Options of <see cref="DenoisingLoss"/>.</summary>
public sealed record DenoisingLossOptions : IChecksItself
{
    /// <summary>How much a row counts by its noise.</summary>
    public DenoisingWeighting Weighting { get; init; } = DenoisingWeighting.None;

    /// <summary>Where min_snr cuts.</summary>
    [Positive]
    public double MinSnrGamma { get; init; } = 5;

    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Weighting == DenoisingWeighting.MinSnr && Prediction == PredictionKind.Velocity)
        {
            yield return "weighting min_snr belongs to the path diffusion, and prediction velocity to the path flow";
        }
    }
}

/// <summary>The loss that a denoiser is trained with.</summary>
public static class DenoisingLoss
{
    /// <summary>[B] mean square error of each row.</summary>
    /// <param name="prediction">[B,…].</param>
    /// <param name="target">[B,…].</param>
    /// <exception cref="InvalidInputException">Shapes differ; the message holds <c>shape</c>.</exception>
    public static Tensor PerSample(Tensor prediction, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(target);
        Coefficients.RequireSameShape(prediction, "prediction", target, "target");
        return Coefficients.RowMean((Coefficients.Precise(prediction) - target).square());
    }

    /// <summary>[B] min(snr,γ)/snr for ε, /(snr+1) for v, min(snr,γ) for the sample.</summary>
    /// <param name="alphaBar">[B] ᾱ.</param>
    /// <param name="kind">What the network predicts.</param>
    /// <param name="gamma">γ.</param>
    public static Tensor MinSnr(Tensor alphaBar, PredictionKind kind, double gamma)
    {
        ArgumentNullException.ThrowIfNull(alphaBar);
        NoiseLevel.Require(NoisePathKind.Diffusion, kind);
        var snr = alphaBar / (1 - alphaBar);
        var cut = snr.clamp_max(gamma);
        return kind switch { PredictionKind.Epsilon => cut / snr, PredictionKind.VPrediction => cut / (snr + 1), _ => cut };
    }

    /// <summary>loss = mean of weights·per_sample; per_sample, weights [B].</summary>
    /// <param name="prediction">[B,…].</param>
    /// <param name="target">[B,…].</param>
    /// <param name="options">Weights and what is predicted.</param>
    /// <param name="alphasCumprod">[T], where weights need it.</param>
    /// <param name="timesteps">[B] int64, where weights need it.</param>
    [Target("diffusion-baseline/denoising_loss")]
    public static Loss Compute(Tensor prediction, Tensor target, DenoisingLossOptions options, Tensor? alphasCumprod = null, Tensor? timesteps = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = PerSample(prediction, target);
        var weights = options.Weighting == DenoisingWeighting.None ? ones_like(errors).detach()
            : alphasCumprod is null || timesteps is null ? throw new InvalidInputException("weighting min_snr needs the inputs 'alphas_cumprod' and 'timesteps'")
            : MinSnr(NoiseSchedule.Gather(alphasCumprod, timesteps), options.Prediction, options.MinSnrGamma).to(errors.dtype, errors.device);
        return new Loss((weights * errors).mean()) { ["per_sample"] = errors.detach(), ["weights"] = weights };
    }
}
