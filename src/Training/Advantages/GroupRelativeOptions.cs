namespace Plumbline.Training;

/// <summary>What divides an advantage.</summary>
public enum RewardScale
{
    /// <summary>The standard deviation of the completion's own group.</summary>
    Group,

    /// <summary>The standard deviation of the whole batch.</summary>
    Batch,

    /// <summary>Nothing: the group's mean alone is subtracted.</summary>
    None,
}

/// <summary>How several rewards become one.</summary>
public enum RewardAggregation
{
    /// <summary>Their weighted sum is compared with its group.</summary>
    SumThenNormalize,

    /// <summary>Each is normalised in its group; their weighted sum is normalised over the batch (GDPO). <c>scale_rewards</c> is not read.</summary>
    NormalizeThenSum,
}

/// <summary>What to do with a group of one.</summary>
public enum SingletonRule
{
    /// <summary>Its advantage is 0.</summary>
    Zero,

    /// <summary>Its reward stands as it is: mean 0, deviation 1.</summary>
    Raw,
}

/// <summary>Options of <c>group-relative</c>.</summary>
public sealed record GroupRelativeOptions
{
    /// <summary>What divides the advantages.</summary>
    public RewardScale ScaleRewards { get; init; } = RewardScale.Group;

    /// <summary>Added to the standard deviation that divides.</summary>
    [NonNegative]
    public double StdEpsilon { get; init; } = 1e-4;

    /// <summary>The squares are divided by n minus this.</summary>
    [Interval(0, 1)]
    public int StdDdof { get; init; } = 1;

    /// <summary>The weight of each reward; null: 1 each.</summary>
    public IReadOnlyList<double>? RewardWeights { get; init; }

    /// <summary>How several rewards become one.</summary>
    public RewardAggregation MultiObjectiveAggregation { get; init; } = RewardAggregation.SumThenNormalize;

    /// <summary>What to do with a group of one.</summary>
    public SingletonRule Singleton { get; init; } = SingletonRule.Zero;
}
