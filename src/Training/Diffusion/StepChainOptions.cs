namespace Plumbline.Training.Diffusion;

/// <summary>In what the divergence of a step from the reference's is measured.</summary>
public enum StepScale
{
    /// <summary>The step's deviation: the exact divergence, but for the mean over elements.</summary>
    Std,

    /// <summary>The coefficient of the noise before the root of the time step, as Flow-GRPO has it; on the diffusion path the deviation.</summary>
    Coefficient,
}

/// <summary>How many reverse steps go from noise to sample, of what kind, and how the network is asked.</summary>
public abstract record StepChainOptions : IChecksItself
{
    /// <summary>The path that the model was trained on.</summary>
    public NoisePathKind Path { get; init; } = NoisePathKind.Diffusion;

    /// <summary>What the network predicts; null: epsilon on the path diffusion, velocity on the path flow.</summary>
    public PredictionKind? Prediction { get; init; }

    /// <summary>The noise of the path diffusion in training.</summary>
    public NoiseScheduleOptions Schedule { get; init; } = new();

    /// <summary>Steps of sampling.</summary>
    [Positive]
    public int SamplingSteps { get; init; } = 50;

    /// <summary>How they are spread over the timesteps of training; on the path diffusion.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Trailing;

    /// <summary>Added to each timestep of spacing leading.</summary>
    [NonNegative]
    public int StepsOffset { get; init; }

    /// <summary>The timestep at which the last step ends: 0 keeps a little noise in it, and so a density; -1, the clean sample, does not. On the path diffusion.</summary>
    [Interval(-1, 0)]
    public int EndIndex { get; init; }

    /// <summary>Above 1: more of the steps where there is much noise; on the path flow.</summary>
    [Positive]
    public double Shift { get; init; } = 1;

    /// <summary>The noise of a step: of DDIM, where 1 is DDPM, and of a flow's kind dance. Null: 1 and 0.3.</summary>
    [NonNegative]
    public double? Eta { get; init; }

    /// <summary>How the noise depends on the step, on the path flow.</summary>
    public FlowSdeKind Sde { get; init; } = FlowSdeKind.FlowGrpo;

    /// <summary>Scale of the noise with sde flow_grpo.</summary>
    [NonNegative]
    public double NoiseLevel { get; init; } = 0.7;

    /// <summary>How far from the prediction without a condition towards the one with it; 1 is the conditional prediction.</summary>
    public double GuidanceScale { get; init; } = 1;

    /// <summary>How much of each row's spread is brought back to that of the conditional prediction.</summary>
    [Interval(0, 1)]
    public double GuidanceRescale { get; init; }

    /// <summary>Send no gradient through the prediction without a condition, as Flow-GRPO does.</summary>
    public bool DetachUnconditional { get; init; }

    /// <summary>Above 0: the clean sample is kept within ± this at each step; on the path diffusion.</summary>
    [NonNegative]
    public double ClipSample { get; init; }

    /// <summary>How a step's log-densities of elements become one number.</summary>
    public DensityReduction Reduction { get; init; } = DensityReduction.Mean;

    /// <summary>In what the divergence of a step from the reference's is measured.</summary>
    public StepScale KlScale { get; init; } = StepScale.Std;

    /// <summary>What the network predicts.</summary>
    internal PredictionKind Predicts => Prediction ?? (Path == NoisePathKind.Flow ? PredictionKind.Velocity : PredictionKind.Epsilon);

    /// <inheritdoc/>
    public virtual IEnumerable<string> Check()
    {
        if (Training.Diffusion.NoiseLevel.Misfit(Path, Predicts) is { } misfit)
        {
            yield return misfit;
        }

        if (Path == NoisePathKind.Diffusion)
        {
            foreach (var broken in Grid.Check())
            {
                yield return broken.Replace("num_inference_steps", "sampling_steps", StringComparison.Ordinal);
            }
        }
    }

    /// <summary>The grid on the path diffusion.</summary>
    internal TimestepGridOptions Grid => new() { NumTrainTimesteps = Schedule.NumTrainTimesteps, NumInferenceSteps = SamplingSteps, Spacing = Spacing, StepsOffset = StepsOffset };
}
