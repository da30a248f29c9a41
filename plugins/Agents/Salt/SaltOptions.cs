namespace Plumbline.Plugins.Salt;

/// <summary>How a trajectory is compared with its group.</summary>
public enum TrajectoryEstimator
{
    /// <summary>Its return less the mean, over the standard deviation.</summary>
    Grpo,

    /// <summary>Its return less the mean of the others.</summary>
    Rloo,

    /// <summary>Its return less the mean.</summary>
    Mean,
}

/// <summary>What two steps must agree in to be one edge.</summary>
public enum EdgeKey
{
    /// <summary>State, action and next state.</summary>
    StateActionState,

    /// <summary>State and action.</summary>
    StateAction,
}

/// <summary>What an edge's mean goes over.</summary>
public enum EdgeCount
{
    /// <summary>Its steps.</summary>
    Steps,

    /// <summary>Its trajectories, each once.</summary>
    Trajectories,
}

/// <summary>Options of <c>salt</c> as an advantage.</summary>
public record SaltAdvantageOptions
{
    /// <summary>How a trajectory is compared with its group, where no advantage part comes before.</summary>
    public TrajectoryEstimator Estimator { get; init; } = TrajectoryEstimator.Grpo;

    /// <summary>Added to the standard deviation that divides.</summary>
    [Positive]
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>So many pairs of state and action before two steps must agree too.</summary>
    [NonNegative]
    public int History { get; init; }

    /// <summary>What two steps must agree in to be one edge.</summary>
    public EdgeKey Key { get; init; } = EdgeKey.StateActionState;

    /// <summary>What an edge's mean goes over.</summary>
    public EdgeCount Count { get; init; } = EdgeCount.Steps;
}

/// <summary>Options of <c>salt</c>.</summary>
public sealed record SaltOptions : SaltAdvantageOptions
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
