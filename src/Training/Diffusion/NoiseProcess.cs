using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>What a model was made to undo: the path from sample to noise, and what its network says about a point of it.</summary>
public sealed record NoiseProcessOptions : IChecksItself
{
    /// <summary>The path from sample to noise.</summary>
    public NoisePathKind Path { get; init; } = NoisePathKind.Diffusion;

    /// <summary>What the network predicts; null: epsilon on the path diffusion, velocity on the path flow.</summary>
    public PredictionKind? Prediction { get; init; }

    /// <summary>How the betas grow, on the path diffusion.</summary>
    public NoiseScheduleKind Schedule { get; init; } = NoiseScheduleKind.Linear;

    /// <summary>Timesteps of training, T, on the path diffusion.</summary>
    [Positive]
    public int NumTrainTimesteps { get; init; } = 1000;

    /// <summary>The first beta, on the path diffusion.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double BetaStart { get; init; } = 1e-4;

    /// <summary>The last beta, on the path diffusion.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>Leave nothing of the sample at the last timestep, on the path diffusion; the network must then predict v or the sample.</summary>
    public bool ZeroTerminalSnr { get; init; }

    internal PredictionKind Predicted => Prediction ?? (Path == NoisePathKind.Flow ? PredictionKind.Velocity : PredictionKind.Epsilon);

    internal NoiseScheduleOptions ScheduleOptions => new()
    {
        Kind = Schedule, NumTrainTimesteps = NumTrainTimesteps, BetaStart = BetaStart, BetaEnd = BetaEnd, ZeroTerminalSnr = ZeroTerminalSnr,
    };

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (NoiseLevel.Misfit(Path, Predicted) is { } misfit)
        {
            yield return misfit;
        }

        if (Path == NoisePathKind.Flow)
        {
            var untouched = new NoiseProcessOptions();
            if ((Schedule, NumTrainTimesteps, BetaStart, BetaEnd, ZeroTerminalSnr) != (untouched.Schedule, untouched.NumTrainTimesteps, untouched.BetaStart, untouched.BetaEnd, untouched.ZeroTerminalSnr))
            {
                yield return "schedule, num_train_timesteps, beta_start, beta_end and zero_terminal_snr belong to the path diffusion; on the path flow nothing reads them";
            }
        }
        else
        {
            foreach (var broken in ScheduleOptions.Check())
            {
                yield return broken;
            }

            if (ZeroTerminalSnr && Predicted == PredictionKind.Epsilon)
            {
                yield return "zero_terminal_snr leaves nothing of the sample at the last timestep, and prediction epsilon divides by what is left; use v_prediction or sample";
            }
        }
    }
}

/// <summary>The path from sample to noise that a model undoes.</summary>
public sealed class NoiseProcess
{
    /// <summary>The process of the options.</summary>
    public NoiseProcess(NoiseProcessOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (Path, Prediction) = (options.Path, options.Predicted);
        Schedule = Path == NoisePathKind.Diffusion ? NoiseSchedule.Create(options.ScheduleOptions) : null;
    }

    /// <summary>The path.</summary>
    public NoisePathKind Path { get; }

    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; }

    /// <summary>The schedule of the path diffusion; null on the path flow.</summary>
    public NoiseSchedule? Schedule { get; }

    /// <summary>A point of the path for each row, by its own key: timesteps 0 … T-1, or σ in [0,1), all alike likely.</summary>
    public NoisePoints Draw(IReadOnlyList<Draws> rows, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Schedule is { } schedule
            ? At([.. rows.Select(row => (long)row.Below(schedule.Timesteps))], device)
            : At([.. rows.Select(row => row.Uniform())], device);
    }

    /// <summary>Points of the path diffusion.</summary>
    /// <param name="timesteps">A row each.</param>
    /// <param name="device">Where.</param>
    public NoisePoints At(IReadOnlyList<long> timesteps, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        var schedule = Schedule ?? throw new InvalidInputException("timesteps belong to the path diffusion, and this model's path is flow");
        var alphaBar = schedule.AlphaBar(timesteps, device);
        return new NoisePoints(tensor([.. timesteps.Select(t => t / (double)schedule.Timesteps)], device: device), NoiseLevel.Diffusion(alphaBar), alphaBar);
    }

    /// <summary>Points of the path flow.</summary>
    /// <param name="sigmas">A row each, in [0,1].</param>
    /// <param name="device">Where.</param>
    public NoisePoints At(IReadOnlyList<double> sigmas, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        if (Path != NoisePathKind.Flow)
        {
            throw new InvalidInputException("sigmas belong to the path flow, and this model's path is diffusion");
        }

        var sigma = tensor([.. sigmas], device: device);
        return new NoisePoints(sigma, NoiseLevel.Flow(sigma), null);
    }
}

/// <summary>Where rows stand on their path.</summary>
/// <param name="Time">[B] float64, what the network is told: t/T or σ.</param>
/// <param name="Level">How much there is of sample and of noise.</param>
/// <param name="AlphaBar">[B] float64 ᾱ; null on the path flow.</param>
public sealed record NoisePoints(Tensor Time, NoiseLevel Level, Tensor? AlphaBar);
