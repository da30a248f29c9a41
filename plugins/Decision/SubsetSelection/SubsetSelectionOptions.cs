namespace Plumbline.Plugins.SubsetSelection;

/// <summary>How a set of items is scored by rankings.</summary>
public enum ScoreRule
{
    /// <summary>One vote a voter, for the first item.</summary>
    Sntv,

    /// <summary>A vote for each of the first k items.</summary>
    Bloc,

    /// <summary>An item counts as many points as there are items behind it.</summary>
    Borda,

    /// <summary>Chamberlin-Courant: the Borda points of a voter's best item of the set alone.</summary>
    Cc,

    /// <summary>Proportional approval: 1 + 1/2 + ... over the set's items among a voter's first k.</summary>
    Pav,

    /// <summary>A voter's Borda points of the set, the best counted whole, the second half, the third a third.</summary>
    HarmonicBorda,
}

/// <summary>How a group's least share of the set is found.</summary>
public enum QuotaKind
{
    /// <summary>In proportion to its size, rounded down.</summary>
    Proportional,

    /// <summary>Equal for all groups, rounded down; at most its size.</summary>
    Equal,
}

/// <summary>How rankings are biased against the groups other than 0.</summary>
public enum BiasModel
{
    /// <summary>Their utilities are multiplied by beta.</summary>
    Multiplicative,

    /// <summary>Their utilities are lowered by shift.</summary>
    Additive,

    /// <summary>They are exchanged with the item behind them, where that is of group 0, with swap_probability.</summary>
    Swap,
}

/// <summary>Options of whatever scores.</summary>
public record RuleOptions
{
    /// <summary>How a set is scored.</summary>
    public ScoreRule Rule { get; init; } = ScoreRule.Borda;
}

/// <summary>Options of <c>subset-selection/score</c>.</summary>
public sealed record ScoreOptions : RuleOptions
{
    /// <summary>How many first items count for bloc and pav; null: as many as the set has.</summary>
    [Positive]
    public int? K { get; init; }
}

/// <summary>Options of <c>subset-selection/quotas</c>.</summary>
public sealed record QuotaOptions
{
    /// <summary>How the least share is found.</summary>
    public QuotaKind Kind { get; init; } = QuotaKind.Proportional;
}

/// <summary>Options of the bias.</summary>
public record BiasOptions
{
    /// <summary>How rankings are biased.</summary>
    public BiasModel Model { get; init; } = BiasModel.Multiplicative;

    /// <summary>The factor of the multiplicative bias; 1 is none.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Beta { get; init; } = 0.5;

    /// <summary>What the additive bias takes away.</summary>
    public double Shift { get; init; } = 0.5;

    /// <summary>The chance of an exchange.</summary>
    [Interval(0, 1)]
    public double SwapProbability { get; init; } = 0.5;
}
