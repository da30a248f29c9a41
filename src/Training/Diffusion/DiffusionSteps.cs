using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>The variance of a DDPM step.</summary>
public enum DdpmVariance
{
    /// <summary>That of the posterior given x_0: (1-ᾱ')/(1-ᾱ)·(1-α).</summary>
    FixedSmall,

    /// <summary>That of the forward step: 1-α.</summary>
    FixedLarge,
}

/// <summary>Options of <see cref="DiffusionSteps.DdimStep"/>.</summary>
public sealed record DdimStepOptions
{
    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;

    /// <summary>Noise of the step: 0 is deterministic, 1 is DDPM with the small variance.</summary>
    [NonNegative]
    public double Eta { get; init; }

    /// <summary>ᾱ of the clean end.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double FinalAlphaCumprod { get; init; } = 1;

    /// <summary>Above 0: the clean sample is kept within ± this.</summary>
    [NonNegative]
    public double ClipSample { get; init; }
}

/// <summary>Options of <see cref="DiffusionSteps.DdpmStep"/>.</summary>
public sealed record DdpmStepOptions
{
    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;

    /// <summary>The variance of the step.</summary>
    public DdpmVariance Variance { get; init; } = DdpmVariance.FixedSmall;
}

/// <summary>Reverse steps: from x_t to x_{t'}, t' before t.</summary>
public static class DiffusionSteps
{
    /// <summary>DDIM (arXiv 2010.02502): std = η√((1-ᾱ')/(1-ᾱ)·(1-ᾱ/ᾱ')), mean = √ᾱ' x_0 + √(1-ᾱ'-std²) ε.</summary>
    /// <param name="prediction">[B,…] the network's.</param>
    /// <param name="noisy">[B,…] x_t.</param>
    /// <param name="alphaBar">[B] ᾱ at t.</param>
    /// <param name="previousAlphaBar">[B] ᾱ at t'.</param>
    /// <param name="eta">Noise of the step.</param>
    /// <param name="kind">What the network predicts.</param>
    /// <param name="clip">Above 0: the clean sample is kept within ± this.</param>
    public static GaussianStep Ddim(Tensor prediction, Tensor noisy, Tensor alphaBar, Tensor previousAlphaBar, double eta, PredictionKind kind = PredictionKind.Epsilon, double clip = 0)
    {
        ArgumentNullException.ThrowIfNull(alphaBar);
        ArgumentNullException.ThrowIfNull(previousAlphaBar);
        var (clean, noise) = NoiseLevel.Diffusion(alphaBar).Convert(kind, prediction, noisy, clip);
        var std = eta * ((1 - previousAlphaBar) / (1 - alphaBar) * (1 - (alphaBar / previousAlphaBar))).sqrt();
        var direction = (1 - previousAlphaBar - std.square()).clamp_min(0).sqrt();
        return new GaussianStep(
            clean,
            (Coefficients.Over(previousAlphaBar.sqrt(), clean) * clean) + (Coefficients.Over(direction, noise) * noise),
            std.to(clean.dtype, clean.device));
    }

    /// <summary>DDPM (arXiv 2006.11239), α = ᾱ/ᾱ': mean = √ᾱ'(1-α)/(1-ᾱ) x_0 + √α(1-ᾱ')/(1-ᾱ) x_t; no noise where t' is the clean end (ᾱ' = 1).</summary>
    /// <param name="prediction">[B,…] the network's.</param>
    /// <param name="noisy">[B,…] x_t.</param>
    /// <param name="alphaBar">[B] ᾱ at t.</param>
    /// <param name="previousAlphaBar">[B] ᾱ at t'.</param>
    /// <param name="variance">Which variance.</param>
    /// <param name="kind">What the network predicts.</param>
    public static GaussianStep Ddpm(Tensor prediction, Tensor noisy, Tensor alphaBar, Tensor previousAlphaBar, DdpmVariance variance, PredictionKind kind = PredictionKind.Epsilon)
    {
        ArgumentNullException.ThrowIfNull(alphaBar);
        ArgumentNullException.ThrowIfNull(previousAlphaBar);
        var (clean, _) = NoiseLevel.Diffusion(alphaBar).Convert(kind, prediction, noisy);
        var x = Coefficients.Precise(noisy);
        var (alpha, left) = (alphaBar / previousAlphaBar, (1 - previousAlphaBar) / (1 - alphaBar));
        var ofClean = previousAlphaBar.sqrt() * (1 - alpha) / (1 - alphaBar);
        var spread = variance == DdpmVariance.FixedSmall ? (left * (1 - alpha)).clamp_min(1e-20) : 1 - alpha;
        var std = where(previousAlphaBar >= 1, zeros_like(spread), spread.sqrt());
        return new GaussianStep(
            clean,
            (Coefficients.Over(ofClean, clean) * clean) + (Coefficients.Over(alpha.sqrt() * left, x) * x),
            std.to(clean.dtype, clean.device));
    }

    /// <summary>Euler's step along the flow: x + (σ'-σ)·velocity.</summary>
    /// <param name="velocity">[B,…] the network's.</param>
    /// <param name="noisy">[B,…] x at σ.</param>
    /// <param name="sigmas">[B] σ.</param>
    /// <param name="nextSigmas">[B] σ'.</param>
    public static Tensor FlowEuler(Tensor velocity, Tensor noisy, Tensor sigmas, Tensor nextSigmas)
    {
        ArgumentNullException.ThrowIfNull(velocity);
        ArgumentNullException.ThrowIfNull(noisy);
        ArgumentNullException.ThrowIfNull(sigmas);
        Coefficients.RequireSameShape(velocity, "prediction", noisy, "noisy");
        var x = Coefficients.Precise(noisy);
        return x + (Coefficients.Over(nextSigmas - sigmas, x) * velocity);
    }

    /// <summary>clean, mean, prev_sample [B,…]; std [B].</summary>
    /// <param name="prediction">[B,…].</param>
    /// <param name="noisy">[B,…].</param>
    /// <param name="stepNoise">[B,…] standard normal.</param>
    /// <param name="alphasCumprod">[T].</param>
    /// <param name="timesteps">[B] int64.</param>
    /// <param name="prevTimesteps">[B] int64; -1 is the clean end.</param>
    /// <param name="options">The step.</param>
    [Target("diffusion-baseline/ddim_step")]
    public static Outputs DdimStep(Tensor prediction, Tensor noisy, Tensor stepNoise, Tensor alphasCumprod, Tensor timesteps, Tensor prevTimesteps, DdimStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var previous = NoiseSchedule.Gather(alphasCumprod, prevTimesteps, options.FinalAlphaCumprod);
        var step = Ddim(prediction, noisy, NoiseSchedule.Gather(alphasCumprod, timesteps), previous, options.Eta, options.Prediction, options.ClipSample);
        return new Outputs { ["clean"] = step.Clean!, ["mean"] = step.Mean, ["std"] = step.Std, ["prev_sample"] = step.Sample(stepNoise) };
    }

    /// <summary>mean, prev_sample [B,…]; std [B].</summary>
    /// <param name="prediction">[B,…].</param>
    /// <param name="noisy">[B,…].</param>
    /// <param name="stepNoise">[B,…] standard normal.</param>
    /// <param name="alphasCumprod">[T].</param>
    /// <param name="timesteps">[B] int64.</param>
    /// <param name="prevTimesteps">[B] int64; -1 is the clean end.</param>
    /// <param name="options">The step.</param>
    [Target("diffusion-baseline/ddpm_step")]
    public static Outputs DdpmStep(Tensor prediction, Tensor noisy, Tensor stepNoise, Tensor alphasCumprod, Tensor timesteps, Tensor prevTimesteps, DdpmStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var step = Ddpm(prediction, noisy, NoiseSchedule.Gather(alphasCumprod, timesteps), NoiseSchedule.Gather(alphasCumprod, prevTimesteps), options.Variance, options.Prediction);
        return new Outputs { ["mean"] = step.Mean, ["std"] = step.Std, ["prev_sample"] = step.Sample(stepNoise) };
    }

    /// <summary>prev_sample [B,…].</summary>
    /// <param name="prediction">[B,…] the velocity.</param>
    /// <param name="noisy">[B,…].</param>
    /// <param name="sigmas">[B].</param>
    /// <param name="nextSigmas">[B].</param>
    [Target("diffusion-baseline/flow_euler_step")]
    public static Tensor FlowEulerStep(Tensor prediction, Tensor noisy, Tensor sigmas, Tensor nextSigmas) => FlowEuler(prediction, noisy, sigmas, nextSigmas);
}
