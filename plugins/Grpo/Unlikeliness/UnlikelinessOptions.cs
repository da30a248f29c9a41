namespace Plumbline.Plugins.Unlikeliness;

/// <summary>What a group's completions are ranked by.</summary>
public enum RankScore
{
    /// <summary>The mean log-probability of a completion's tokens.</summary>
    MeanLogp,

    /// <summary>The sum of the log-probabilities of its tokens: long completions look unlikely.</summary>
    SumLogp,
}

/// <summary>Options of the rank within a group.</summary>
public record RankOptions
{
    /// <summary>What a group's completions are ranked by.</summary>
    public RankScore RankBy { get; init; } = RankScore.MeanLogp;
}

/// <summary>Options of <see cref="Unlikeliness.Rewards"/>.</summary>
public record RankRewardOptions : RankOptions
{
    /// <summary>The share of its reward that the likeliest completion of a large group loses; the others in proportion to their rank.</summary>
    [Interval(0, 1)]
    public double BetaRank { get; init; } = 0.25;
}

/// <summary>Options of <c>unlikeliness</c>.</summary>
public sealed record UnlikelinessOptions : RankRewardOptions
{
    /// <summary>How far the ratio may leave 1 before the clip stops it.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Epsilon { get; init; } = 0.2;

    /// <summary>Weight of the divergence from the frozen reference; 0 keeps no reference.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.1;

    /// <summary>Added to the standard deviation that divides the advantages.</summary>
    [NonNegative]
    public double StdEpsilon { get; init; } = 1e-6;
}
