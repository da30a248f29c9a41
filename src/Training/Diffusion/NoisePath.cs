using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>The path from sample to noise.</summary>
public enum NoisePathKind
{
    /// <summary>x_t = √ᾱ x_0 + √(1-ᾱ) ε, at integer timesteps.</summary>
    Diffusion,

    /// <summary>x_t = (1-σ) x_0 + σ ε, σ in [0,1]; 1 is noise.</summary>
    Flow,
}

/// <summary>What the network predicts.</summary>
public enum PredictionKind
{
    /// <summary>The noise ε.</summary>
    Epsilon,

    /// <summary>The clean sample x_0.</summary>
    Sample,

    /// <summary>√ᾱ ε - √(1-ᾱ) x_0, on the diffusion path (arXiv 2202.00512).</summary>
    VPrediction,

    /// <summary>ε - x_0, on the flow path (arXiv 2210.02747, 2209.03003).</summary>
    Velocity,
}

/// <summary>Where each row stands on its path: x_t = signal·x_0 + noise·ε.</summary>
/// <param name="Kind">The path.</param>
/// <param name="Signal">[B].</param>
/// <param name="Noise">[B].</param>
public sealed record NoiseLevel(NoisePathKind Kind, Tensor Signal, Tensor Noise)
{
    /// <summary>On the diffusion path.</summary>
    /// <param name="alphaBar">[B] ᾱ.</param>
    public static NoiseLevel Diffusion(Tensor alphaBar)
    {
        ArgumentNullException.ThrowIfNull(alphaBar);
        return new NoiseLevel(NoisePathKind.Diffusion, alphaBar.sqrt(), (1 - alphaBar).sqrt());
    }

    /// <summary>On the flow path.</summary>
    /// <param name="sigma">[B] σ.</param>
    public static NoiseLevel Flow(Tensor sigma)
    {
        ArgumentNullException.ThrowIfNull(sigma);
        return new NoiseLevel(NoisePathKind.Flow, 1 - sigma, sigma);
    }

    /// <summary>x_t: noise added to clean samples.</summary>
    /// <param name="clean">[B,…].</param>
    /// <param name="noise">[B,…].</param>
    public Tensor AddNoise(Tensor clean, Tensor noise)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(noise);
        Coefficients.RequireSameShape(clean, "clean", noise, "noise");
        return (Coefficients.Over(Signal, clean) * clean) + (Coefficients.Over(Noise, noise) * noise);
    }

    /// <summary>What a network of this kind should say.</summary>
    /// <param name="prediction">The kind.</param>
    /// <param name="clean">[B,…].</param>
    /// <param name="noise">[B,…].</param>
    public Tensor Target(PredictionKind prediction, Tensor clean, Tensor noise)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(noise);
        Coefficients.RequireSameShape(clean, "clean", noise, "noise");
        return prediction switch
        {
            PredictionKind.Epsilon => noise,
            PredictionKind.Sample => clean,
            PredictionKind.VPrediction => (Coefficients.Over(Signal, noise) * noise) - (Coefficients.Over(Noise, clean) * clean),
            _ => noise - clean,
        };
    }

    /// <summary>What the network's prediction says of the clean sample and of the noise.</summary>
    /// <param name="kind">What it predicts.</param>
    /// <param name="prediction">[B,…].</param>
    /// <param name="noisy">[B,…] x_t.</param>
    /// <param name="clip">Above 0: the clean sample is kept within ± this.</param>
    /// <param name="rederiveNoise">Make the noise anew from the clipped sample.</param>
    /// <exception cref="InvalidInputException">Shapes differ, or the kind does not belong to the path.</exception>
    public (Tensor Clean, Tensor Noise) Convert(PredictionKind kind, Tensor prediction, Tensor noisy, double clip = 0, bool rederiveNoise = false)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(noisy);
        Coefficients.RequireSameShape(prediction, "prediction", noisy, "noisy");
        Require(Kind, kind);
        var (p, x) = (Coefficients.Precise(prediction), Coefficients.Precise(noisy));
        var (a, s) = (Coefficients.Over(Signal, x), Coefficients.Over(Noise, x));
        var (clean, noise) = kind switch
        {
            PredictionKind.Epsilon => ((x - (s * p)) / a, p),
            PredictionKind.Sample => (p, (x - (a * p)) / s),
            PredictionKind.VPrediction => ((a * x) - (s * p), (a * p) + (s * x)),
            _ => (x - (s * p), x + (a * p)),
        };
        if (clip > 0)
        {
            clean = clean.clamp(-clip, clip);
            noise = rederiveNoise ? (x - (a * clean)) / s : noise;
        }

        return (clean, noise);
    }

    /// <summary>Refuses a prediction that has no meaning on a path.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>prediction</c>.</exception>
    public static void Require(NoisePathKind path, PredictionKind prediction)
    {
        if (Misfit(path, prediction) is { } misfit)
        {
            throw new InvalidInputException(misfit);
        }
    }

    /// <summary>Why a prediction has no meaning on a path; null where it has one. For the checks of options.</summary>
    public static string? Misfit(NoisePathKind path, PredictionKind prediction) => (path, prediction) switch
    {
        (NoisePathKind.Diffusion, PredictionKind.Velocity) => "the prediction velocity belongs to the path flow; on the path diffusion use v_prediction, epsilon or sample",
        (NoisePathKind.Flow, PredictionKind.VPrediction) => "the prediction v_prediction belongs to the path diffusion; on the path flow use velocity, epsilon or sample",
        _ => null,
    };
}

/// <summary>Options of <see cref="NoisePaths.AddNoise"/>.</summary>
public sealed record AddNoiseOptions
{
    /// <summary>The path.</summary>
    public NoisePathKind Path { get; init; } = NoisePathKind.Diffusion;
}

/// <summary>Options of <see cref="NoisePaths.Target"/>.</summary>
public sealed record TargetOptions
{
    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;
}

/// <summary>Options of <see cref="NoisePaths.Convert"/>.</summary>
public sealed record ConvertOptions
{
    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;

    /// <summary>Above 0: the clean sample is kept within ± this.</summary>
    [NonNegative]
    public double ClipSample { get; init; }

    /// <summary>Make the noise anew from the clipped sample.</summary>
    public bool RederiveNoise { get; init; }
}

/// <summary>The paths as functions of timesteps or noise levels.</summary>
public static class NoisePaths
{
    /// <summary>noisy [B,…].</summary>
    /// <param name="clean">[B,…].</param>
    /// <param name="noise">[B,…].</param>
    /// <param name="options">The path.</param>
    /// <param name="alphasCumprod">[T], on the diffusion path.</param>
    /// <param name="timesteps">[B] int64, on the diffusion path.</param>
    /// <param name="sigmas">[B], on the flow path.</param>
    [Target("diffusion-baseline/add_noise")]
    public static Tensor AddNoise(Tensor clean, Tensor noise, AddNoiseOptions options, Tensor? alphasCumprod = null, Tensor? timesteps = null, Tensor? sigmas = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return At(options.Path, alphasCumprod, timesteps, sigmas).AddNoise(clean, noise);
    }

    /// <summary>target [B,…].</summary>
    /// <param name="clean">[B,…].</param>
    /// <param name="noise">[B,…].</param>
    /// <param name="options">What is predicted.</param>
    /// <param name="alphasCumprod">[T], where v is predicted.</param>
    /// <param name="timesteps">[B] int64, where v is predicted.</param>
    [Target("diffusion-baseline/target")]
    public static Tensor Target(Tensor clean, Tensor noise, TargetOptions options, Tensor? alphasCumprod = null, Tensor? timesteps = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clean);
        // The other kinds are the same everywhere on a path.
        var level = options.Prediction == PredictionKind.VPrediction ? At(NoisePathKind.Diffusion, alphasCumprod, timesteps, null) : NoiseLevel.Flow(zeros(clean.shape[0]));
        return level.Target(options.Prediction, clean, noise);
    }

    /// <summary>clean, noise [B,…].</summary>
    /// <param name="prediction">[B,…].</param>
    /// <param name="noisy">[B,…].</param>
    /// <param name="options">What is predicted, and clipping.</param>
    /// <param name="alphasCumprod">[T], on the diffusion path.</param>
    /// <param name="timesteps">[B] int64, on the diffusion path.</param>
    /// <param name="sigmas">[B], on the flow path.</param>
    [Target("diffusion-baseline/convert")]
    public static Outputs Convert(Tensor prediction, Tensor noisy, ConvertOptions options, Tensor? alphasCumprod = null, Tensor? timesteps = null, Tensor? sigmas = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var level = At(sigmas is null ? NoisePathKind.Diffusion : NoisePathKind.Flow, alphasCumprod, timesteps, sigmas);
        var (clean, noise) = level.Convert(options.Prediction, prediction, noisy, options.ClipSample, options.RederiveNoise);
        return new Outputs { ["clean"] = clean, ["noise"] = noise };
    }

    private static NoiseLevel At(NoisePathKind path, Tensor? alphasCumprod, Tensor? timesteps, Tensor? sigmas) => path == NoisePathKind.Flow
        ? NoiseLevel.Flow(Needed(sigmas, "sigmas", path))
        : NoiseLevel.Diffusion(NoiseSchedule.Gather(Needed(alphasCumprod, "alphas_cumprod", path), Needed(timesteps, "timesteps", path)));

    private static Tensor Needed(Tensor? value, string name, NoisePathKind path) =>
        value ?? throw new InvalidInputException($"the input '{name}' is missing; the path {(path == NoisePathKind.Flow ? "flow" : "diffusion")} needs it");
}
