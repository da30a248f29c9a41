namespace Plumbline.Plugins.GrpoD;

/// <summary>Options of <c>grpo-d</c> as a controller: a coefficient that falls in a line from the middle to its least, then rises to its greatest.</summary>
public record DynamicBetaOptions : IChecksItself
{
    /// <summary>Updates over which the schedule runs; null: those that the stage plans.</summary>
    [Positive]
    public int? TotalSteps { get; init; }

    /// <summary>The least value, reached after exploration_fraction of the steps.</summary>
    [NonNegative]
    public double BetaMin { get; init; }

    /// <summary>The greatest value, reached at the end.</summary>
    [NonNegative]
    public double BetaMax { get; init; } = 0.02;

    /// <summary>The share of the steps over which the value falls, so that the policy explores.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double ExplorationFraction { get; init; } = 0.3;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (BetaMin > BetaMax)
        {
            yield return $"beta_min must be at most beta_max, which is {BetaMax}, was {BetaMin}";
        }
    }
}

/// <summary>Options of <c>grpo-d</c>.</summary>
public sealed record GrpoDOptions : DynamicBetaOptions
{
    /// <summary>How far the ratio may move from 1 before the clip stops it.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Epsilon { get; init; } = 0.2;

    /// <summary>Added to the standard deviation that divides.</summary>
    [NonNegative]
    public double StdEpsilon { get; init; } = 1e-4;
}

/// <summary>Options of <see cref="FormattedReward.Join"/>.</summary>
public record JoinOptions
{
    /// <summary>Weight of the format's reward beside the accuracy's.</summary>
    [NonNegative]
    public double FormatWeight { get; init; } = 1.0;
}

/// <summary>Options of <c>grpo-d</c> as a reward.</summary>
public sealed record FormattedRewardOptions : JoinOptions
{
    /// <summary>Whether the answer is right.</summary>
    public required Part<IReward> Accuracy { get; init; }

    /// <summary>Whether the completion is written as it should be.</summary>
    public required Part<IReward> Format { get; init; }
}
