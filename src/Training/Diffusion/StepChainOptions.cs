namespace Plumbline.Training.Diffusion;

/// <summary>In what the divergence of a step from the reference's is measured.</summary>
public enum StepScale
{
    /// <summary>The step's deviation: the exact divergence, but for the mean over elements.</summary>
    Std,

    /// <summary>The coefficient of the noise before the root of the time step, as Flow-GRPO has it; on the path diffusion the deviation.</summary>
    Coefficient,
}

/// <summary>Options of the steps of a sampler whose steps are learnt from.</summary>
public abstract record StepChainOptions : SamplingGridOptions
{
    /// <summary>The noise of a step: of DDIM on the path diffusion, where 1 is DDPM, and of sde dance on the path flow. Null: 1 and 0.3.</summary>
    [NonNegative]
    public double? Eta { get; init; }

    /// <summary>How the noise depends on the step, on the path flow.</summary>
    public FlowSdeKind Sde { get; init; } = FlowSdeKind.FlowGrpo;

    /// <summary>Scale of the noise with sde flow_grpo.</summary>
    [NonNegative]
    public double NoiseLevel { get; init; } = 0.7;

    /// <summary>How far from the prediction without a condition towards the one with it; 1: the conditional prediction alone.</summary>
    public double GuidanceScale { get; init; } = 1;

    /// <summary>How much of each row's spread is brought back to that of the conditional prediction.</summary>
    [Interval(0, 1)]
    public double GuidanceRescale { get; init; }

    /// <summary>Send no gradient through the prediction without a condition, as Flow-GRPO does.</summary>
    public bool DetachUnconditional { get; init; }

    /// <summary>Above 0: the clean sample is kept within ± this at each step, on the path diffusion.</summary>
    [NonNegative]
    public double ClipSample { get; init; }

    /// <summary>How a step's log-densities of elements become one number.</summary>
    public DensityReduction Reduction { get; init; } = DensityReduction.Mean;

    /// <summary>In what the divergence of a step from the reference's is measured.</summary>
    public StepScale KlScale { get; init; } = StepScale.Std;

    /// <inheritdoc/>
    internal override bool EndsAtZero => true;

    /// <summary>Refuses what a model's path gives no meaning to.</summary>
    internal void Require(NoisePathKind path)
    {
        var plain = new Plain();
        var misfit = path == NoisePathKind.Diffusion
            ? (Sde, NoiseLevel, KlScale) != (plain.Sde, plain.NoiseLevel, plain.KlScale) ? "sde, noise_level and kl_scale belong to the path flow, and the model's path is diffusion" : null
            : ClipSample > 0 ? "clip_sample belongs to the path diffusion, and the model's path is flow"
            : Sde == FlowSdeKind.FlowGrpo && Eta is not null ? "eta belongs to sde dance, and sde is flow_grpo, whose scale is noise_level"
            : Sde == FlowSdeKind.Dance && NoiseLevel != plain.NoiseLevel ? "noise_level belongs to sde flow_grpo, and sde is dance, whose scale is eta"
            : null;
        if (misfit is not null)
        {
            throw new InvalidInputException(misfit + ": nothing would read it");
        }
    }

    private sealed record Plain : StepChainOptions;
}
