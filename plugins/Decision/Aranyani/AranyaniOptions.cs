namespace Plumbline.Plugins.Aranyani;

/// <summary>The slope of the fairness penalty outside its quadratic zone.</summary>
public enum HuberTail
{
    /// <summary>1, as the authors' code has it: the slope jumps where the zone ends.</summary>
    Unit,

    /// <summary>huber_delta: the Huber loss proper. Its lambda must be 1/huber_delta times as large for the same effect.</summary>
    Delta,
}

/// <summary>How the values of a group become one aggregate.</summary>
public enum AggregateMode
{
    /// <summary>Their mean.</summary>
    Vanilla,

    /// <summary>decay times the aggregate before, plus the value.</summary>
    Momentum,

    /// <summary>The same, divided at the end by the sum of its weights: an exponential moving average.</summary>
    Ema,
}

/// <summary>Options of <c>aranyani</c>.</summary>
public record AranyaniOptions
{
    /// <summary>Weight of the fairness gradient beside the task's; swept over 0 to 100 by the authors.</summary>
    [NonNegative]
    public double Lambda { get; init; } = 0.1;

    /// <summary>Gaps between the groups' mean decisions below this have a slope in proportion to them.</summary>
    [Positive]
    public double HuberDelta { get; init; } = 0.01;

    /// <summary>The slope for larger gaps.</summary>
    public HuberTail Tail { get; init; } = HuberTail.Unit;
}

/// <summary>Options of <c>aranyani/aggregate</c>.</summary>
public sealed record AggregateOptions
{
    /// <summary>How values become one.</summary>
    public AggregateMode Mode { get; init; } = AggregateMode.Vanilla;

    /// <summary>What the aggregate before keeps of its weight (momentum, ema).</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Decay { get; init; } = 0.9;
}
