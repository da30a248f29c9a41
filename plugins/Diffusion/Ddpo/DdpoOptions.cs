using Plumbline.Training.Diffusion;

namespace Plumbline.Plugins.Ddpo;

/// <summary>How the policy gradient is estimated.</summary>
public enum PolicyGradient
{
    /// <summary>Clipped importance weights: several updates a rollout are possible.</summary>
    Is,

    /// <summary>The score function: -A log p, right for the first update alone.</summary>
    Sf,
}

/// <summary>Options of <c>ddpo</c>.</summary>
public sealed record DdpoOptions
{
    /// <summary>How far a step's ratio may move from 1 before the clip stops it. Densities are means over elements, so that ratios stay within about 1e-4 of 1.</summary>
    [NonNegative]
    public double ClipRange { get; init; } = 1e-4;

    /// <summary>Advantages are clamped to this size.</summary>
    [Positive]
    public double AdvClipMax { get; init; } = 5.0;

    /// <summary>How the policy gradient is estimated.</summary>
    public PolicyGradient Estimator { get; init; } = PolicyGradient.Is;

    /// <summary>Weight of the steps' divergence from the frozen reference; 0 keeps no reference.</summary>
    [NonNegative]
    public double KlWeight { get; init; }
}

/// <summary>Options of <c>per-prompt</c>.</summary>
public sealed record PerPromptOptions
{
    /// <summary>Rewards of a prompt that are remembered, the newest.</summary>
    [Positive]
    public int BufferSize { get; init; } = 16;

    /// <summary>A prompt with fewer remembered rewards takes mean and deviation of the whole batch instead.</summary>
    [Positive]
    public int MinCount { get; init; } = 16;
}

/// <summary>Over which rewards the deviation goes.</summary>
public enum StdScope
{
    /// <summary>Those of the group.</summary>
    Group,

    /// <summary>Those of the batch.</summary>
    Batch,
}

/// <summary>Options of <see cref="SampleGroups.Advantages"/>.</summary>
public sealed record SampleGroupsOptions
{
    /// <summary>The squares are divided by n minus this: 1 in DanceGRPO, 0 in Flow-GRPO.</summary>
    [Interval(0, 1)]
    public int Ddof { get; init; } = 1;

    /// <summary>Added to the deviation that divides: 1e-8 in DanceGRPO, 1e-4 in Flow-GRPO.</summary>
    [NonNegative]
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Over which rewards the deviation goes.</summary>
    public StdScope StdScope { get; init; } = StdScope.Group;
}

/// <summary>How rewards become weights of a regression.</summary>
public enum RegressionWeight
{
    /// <summary>N · softmax of the rewards times the inverse temperature.</summary>
    Exponential,

    /// <summary>1 from the threshold on, else 0.</summary>
    Threshold,
}

/// <summary>Options of <c>rwr</c>.</summary>
public sealed record RewardWeightsOptions : IChecksItself
{
    /// <summary>How rewards become weights.</summary>
    public RegressionWeight Kind { get; init; } = RegressionWeight.Exponential;

    /// <summary>Multiplies the rewards before the softmax.</summary>
    [Positive]
    public double InverseTemperature { get; init; } = 1.0;

    /// <summary>The least reward with a weight; needed by kind threshold.</summary>
    public double? Threshold { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Kind == RegressionWeight.Threshold && Threshold is null)
        {
            yield return "threshold is needed by kind threshold: the least reward with a weight";
        }
    }
}

/// <summary>Options of <see cref="Steps.DdimLogp"/>.</summary>
public sealed record DdimLogpOptions
{
    /// <summary>Noise of the step, above 0; 1 is DDPM with the small variance.</summary>
    [NonNegative]
    public required double Eta { get; init; }

    /// <summary>What the network predicts.</summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Epsilon;

    /// <summary>How the elements' log-densities become one number a row.</summary>
    public DensityReduction Reduction { get; init; } = DensityReduction.Mean;
}
