namespace Plumbline.Plugins.Gigpo;

/// <summary>What becomes of a difference from a group's mean.</summary>
public enum GigpoMode
{
    /// <summary>It is divided by the group's standard deviation.</summary>
    MeanStdNorm,

    /// <summary>It stays.</summary>
    MeanNorm,
}

/// <summary>What two steps must agree in to stand in the same state.</summary>
public enum StateAnchor
{
    /// <summary>The observation's text, as in the authors' code.</summary>
    Text,

    /// <summary>The environment's state key.</summary>
    StateKey,
}

/// <summary>Options of <c>gigpo</c> as an advantage.</summary>
public record GigpoAdvantageOptions
{
    /// <summary>Discount of a step in the returns that step groups compare.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 0.95;

    /// <summary>Weight of the step's advantage beside the episode's; 0 is GRPO over trajectories.</summary>
    [NonNegative]
    public double StepAdvantageW { get; init; } = 1;

    /// <summary>Whether differences are divided by the group's standard deviation.</summary>
    public GigpoMode Mode { get; init; } = GigpoMode.MeanStdNorm;

    /// <summary>Added to the standard deviation that divides.</summary>
    [Positive]
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Taken off both scores of a step whose action was invalid, and off no other step's.</summary>
    [NonNegative]
    public double InvalidActionPenalty { get; init; } = 0.1;

    /// <summary>What two steps must agree in to be compared.</summary>
    public StateAnchor Anchor { get; init; } = StateAnchor.Text;

    /// <summary>Whether states that are nearly equal are compared too.</summary>
    public bool EnableSimilarity { get; init; }

    /// <summary>How similar states must be then.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double SimilarityThreshold { get; init; } = 0.95;
}

/// <summary>Options of <c>gigpo</c>.</summary>
public sealed record GigpoOptions : GigpoAdvantageOptions
{
    /// <summary>How far a token's ratio may move from 1 before the clip stops it.</summary>
    [Positive]
    public double ClipRange { get; init; } = 0.2;

    /// <summary>Weight of the divergence from the reference; 0 keeps no reference.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.01;

    /// <summary>Bound of a token's divergence.</summary>
    [Positive]
    public double KlClamp { get; init; } = 10;
}
