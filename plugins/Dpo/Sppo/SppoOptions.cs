namespace Plumbline.Plugins.Sppo;

/// <summary>What the two answers of a pair are regressed onto.</summary>
public enum SppoVariant
{
    /// <summary>Each answer's win rate against the policy.</summary>
    Score,

    /// <summary>The probability that one of the two beats the other.</summary>
    Single,

    /// <summary>1 for the chosen answer and 0 for the rejected one.</summary>
    Hard,
}

/// <summary>What stands for the log-partition.</summary>
public enum SppoLogZ
{
    /// <summary>η/2.</summary>
    Half,

    /// <summary>log of the mean of exp(η w) over the group.</summary>
    Empirical,
}

/// <summary>Options of <c>sppo</c>.</summary>
public sealed record SppoOptions
{
    /// <summary>How far one iteration moves; 1/eta is the "beta" of the authors' code.</summary>
    [Positive]
    public double Eta { get; init; } = 1000;

    /// <summary>What the answers are regressed onto.</summary>
    public SppoVariant Variant { get; init; } = SppoVariant.Score;
}

/// <summary>Options of the loss over all sampled answers.</summary>
public sealed record SppoListOptions
{
    /// <summary>How far one iteration moves.</summary>
    [Positive]
    public double Eta { get; init; } = 1000;

    /// <summary>What stands for the log-partition.</summary>
    public SppoLogZ LogZ { get; init; } = SppoLogZ.Half;
}

/// <summary>Options of the exact step.</summary>
public sealed record SppoUpdateOptions
{
    /// <summary>How far the step moves.</summary>
    [Positive]
    public double Eta { get; init; } = 1;
}
