using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>How the variance of the noise grows over the training timesteps.</summary>
public enum NoiseScheduleKind
{
    /// <summary>Betas in equal steps (arXiv 2006.11239).</summary>
    Linear,

    /// <summary>The roots of the betas in equal steps.</summary>
    ScaledLinear,

    /// <summary>ᾱ follows a squared cosine (arXiv 2102.09672).</summary>
    Cosine,
}

/// <summary>Options of <see cref="NoiseSchedule"/>.</summary>
public sealed record NoiseScheduleOptions : IChecksItself
{
    /// <summary>How the betas grow.</summary>
    public NoiseScheduleKind Kind { get; init; } = NoiseScheduleKind.Linear;

    /// <summary>Timesteps of training, T.</summary>
    [Positive]
    public int NumTrainTimesteps { get; init; } = 1000;

    /// <summary>The first beta; the cosine has none.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double BetaStart { get; init; } = 1e-4;

    /// <summary>The last beta; the cosine has none.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>Shift and stretch √ᾱ so that nothing of the sample is left at the last timestep (arXiv 2305.08891); a network must then predict v or the sample.</summary>
    public bool ZeroTerminalSnr { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (BetaStart > BetaEnd)
        {
            yield return $"beta_start {BetaStart} must not exceed beta_end {BetaEnd}";
        }
    }
}

/// <summary>The noise of the diffusion path: x_t = √ᾱ_t x_0 + √(1-ᾱ_t) ε, t in 0 … T-1. The clean end is t = -1.</summary>
/// <param name="Betas">[T] variance added by each timestep.</param>
/// <param name="AlphasCumprod">[T] ᾱ: the product of 1-β.</param>
/// <param name="Snr">[T] signal to noise: ᾱ/(1-ᾱ).</param>
public sealed record NoiseSchedule(IReadOnlyList<double> Betas, IReadOnlyList<double> AlphasCumprod, IReadOnlyList<double> Snr)
{
    /// <summary>T.</summary>
    public int Timesteps => AlphasCumprod.Count;

    /// <summary>The schedule of the options.</summary>
    public static NoiseSchedule Create(NoiseScheduleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var count = options.NumTrainTimesteps;
        double[] betas = [.. Enumerable.Range(0, count).Select(i => options.Kind switch
        {
            NoiseScheduleKind.Linear => Between(options.BetaStart, options.BetaEnd, i, count),
            NoiseScheduleKind.ScaledLinear => Math.Pow(Between(Math.Sqrt(options.BetaStart), Math.Sqrt(options.BetaEnd), i, count), 2),
            _ => Math.Min(1 - (Cosine((i + 1) / (double)count) / Cosine(i / (double)count)), 0.999),
        })];
        var alphas = new double[count];
        for (var i = 0; i < count; i++)
        {
            alphas[i] = (i == 0 ? 1 : alphas[i - 1]) * (1 - betas[i]);
        }

        if (options.ZeroTerminalSnr)
        {
            double[] roots = [.. alphas.Select(Math.Sqrt)];
            var (first, last) = (roots[0], roots[^1]);
            alphas = [.. roots.Select(root => Math.Pow((root - last) * first / (first - last), 2))];
            betas = [.. alphas.Select((alpha, i) => 1 - (alpha / (i == 0 ? 1 : alphas[i - 1])))];
        }

        return new NoiseSchedule(betas, alphas, [.. alphas.Select(alpha => alpha / (1 - alpha))]);
    }

    /// <summary>ᾱ at timesteps: [B] float64. The clean end, -1, has <paramref name="final"/>.</summary>
    /// <exception cref="InvalidInputException">A timestep outside -1 … T-1; the message holds <c>timesteps</c>.</exception>
    public Tensor AlphaBar(IReadOnlyList<long> timesteps, Device? device = null, double final = 1)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        return tensor([.. timesteps.Select(t => AlphaBar(t, final))], device: device);
    }

    /// <summary>ᾱ at one timestep; the clean end, -1, has <paramref name="final"/>.</summary>
    /// <exception cref="InvalidInputException">A timestep outside -1 … T-1; the message holds <c>timesteps</c>.</exception>
    public double AlphaBar(long timestep, double final = 1) => timestep == -1 ? final
        : timestep >= 0 && timestep < Timesteps ? AlphasCumprod[(int)timestep]
        : throw new InvalidInputException($"timesteps must lie in -1 … {Timesteps - 1}, and one is {timestep}");

    /// <summary>ᾱ [T] at timesteps [B] int64; the clean end, -1, has <paramref name="final"/>.</summary>
    /// <exception cref="InvalidInputException">A timestep outside -1 … T-1; the message holds <c>timesteps</c>.</exception>
    public static Tensor Gather(Tensor alphasCumprod, Tensor timesteps, double final = 1)
    {
        ArgumentNullException.ThrowIfNull(alphasCumprod);
        ArgumentNullException.ThrowIfNull(timesteps);
        var count = alphasCumprod.shape[0];
        if (timesteps.numel() > 0 && (timesteps.min().ToInt64() < -1 || timesteps.max().ToInt64() >= count))
        {
            throw new InvalidInputException($"timesteps must lie in -1 … {count - 1}, and they go from {timesteps.min().ToInt64()} to {timesteps.max().ToInt64()}");
        }

        return where(timesteps < 0, full_like(alphasCumprod[0], final), alphasCumprod.index_select(0, timesteps.clamp_min(0)));
    }

    /// <summary>betas, alphas_cumprod, snr [T].</summary>
    [Target("diffusion-baseline/schedule")]
    public static Outputs Compute(NoiseScheduleOptions options)
    {
        var schedule = Create(options);
        return new Outputs { ["betas"] = schedule.Betas, ["alphas_cumprod"] = schedule.AlphasCumprod, ["snr"] = schedule.Snr };
    }

    private static double Between(double from, double to, int i, int count) => count == 1 ? from : from + ((to - from) * i / (count - 1));

    private static double Cosine(double u) => Math.Pow(Math.Cos((u + 0.008) / 1.008 * Math.PI / 2), 2);
}
