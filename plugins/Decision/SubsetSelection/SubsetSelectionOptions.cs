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

/// <summary>How a set is looked for.</summary>
public enum SearchKind
{
    /// <summary>All sets where there are at most 14 items, else item by item.</summary>
    Auto,

    /// <summary>Item by item.</summary>
    Greedy,
}

/// <summary>What a group must have of the rows chosen.</summary>
public sealed record GroupBounds
{
    /// <summary>The group, as its column has it.</summary>
    public required string Group { get; init; }

    /// <summary>At least so many.</summary>
    [NonNegative]
    public int Lower { get; init; }

    /// <summary>At most so many; null: no bound.</summary>
    [NonNegative]
    public int? Upper { get; init; }
}

/// <summary>Options of <c>subset-selection</c>.</summary>
public sealed record SubsetSelectionOptions : RuleOptions, IChecksItself
{
    /// <summary>Columns of scores, a voter each: a judge, a reward model, a metric. A higher score is better; of equal ones the earlier row comes first.</summary>
    public required IReadOnlyList<string> Scores { get; init; }

    /// <summary>Rows to choose, of each lot.</summary>
    [Positive]
    public required int K { get; init; }

    /// <summary>A column whose equal values make one lot, such as prompt: k rows are chosen of each; null: of all rows together. A lot of fewer rows is kept whole.</summary>
    public string? Within { get; init; }

    /// <summary>The column of the group that a row belongs to; null: there are no groups.</summary>
    public string? Group { get; init; }

    /// <summary>The least share of each group; null: none but the bounds.</summary>
    public QuotaKind? Quotas { get; init; }

    /// <summary>What single groups must and may have instead.</summary>
    public IReadOnlyList<GroupBounds> Bounds { get; init; } = [];

    /// <summary>How the set is looked for.</summary>
    public SearchKind Search { get; init; } = SearchKind.Auto;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Scores.Count == 0)
        {
            yield return "scores is empty; name at least one column";
        }

        if (Group is null && (Quotas is not null || Bounds.Count > 0))
        {
            yield return $"{(Quotas is null ? "bounds" : "quotas")} are of groups; name their column by group";
        }

        foreach (var bounds in Bounds.Where(bounds => bounds.Upper < bounds.Lower))
        {
            yield return $"bounds of group '{bounds.Group}': upper must be at least lower, which is {bounds.Lower}, was {bounds.Upper}";
        }
    }
}

/// <summary>Options of <c>subset-selection-study</c>.</summary>
public sealed record StudyOptions : BiasOptions, IChecksItself
{
    /// <summary>Begins the results' names.</summary>
    public string? Name { get; init; }

    /// <summary>The score functions to compare.</summary>
    public IReadOnlyList<ScoreRule> Rules { get; init; } = [ScoreRule.Sntv, ScoreRule.Bloc, ScoreRule.Borda, ScoreRule.Cc, ScoreRule.Pav, ScoreRule.HarmonicBorda];

    /// <summary>Numbers of rankings at hand.</summary>
    [Positive]
    public IReadOnlyList<int> Voters { get; init; } = [5, 20, 100, 400];

    /// <summary>Items to choose from; item i belongs to group i modulo their number, and its quality is uniform in [0,1).</summary>
    [Positive]
    public int Items { get; init; } = 24;

    /// <summary>Groups; the first has the advantage.</summary>
    [Positive]
    public int Groups { get; init; } = 2;

    /// <summary>Items to choose.</summary>
    [Positive]
    public int K { get; init; } = 6;

    /// <summary>The least share of each group in the sets with quotas.</summary>
    public QuotaKind Quotas { get; init; } = QuotaKind.Proportional;

    /// <summary>How much voters differ: the standard deviation of what each adds to an item's quality; what is below 0 then is 0.</summary>
    [NonNegative]
    public double Spread { get; init; } = 0.25;

    /// <summary>Unbiased rankings by which quality is measured, and which the reference set is chosen from.</summary>
    [Positive]
    public int TrueVoters { get; init; } = 1500;

    /// <summary>The quality that is wanted: the study tells how many rankings reach it in the mean.</summary>
    [Interval(0, 1)]
    public double Wanted { get; init; } = 0.95;

    /// <summary>Populations of items and voters; results are means over them.</summary>
    [Positive]
    public int Populations { get; init; } = 10;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (K > Items)
        {
            yield return $"k must be at most items, which is {Items}, was {K}";
        }

        if (Groups > Items)
        {
            yield return $"groups must be at most items, which is {Items}, was {Groups}";
        }

        if (Rules.Count == 0 || Voters.Count == 0)
        {
            yield return $"{(Rules.Count == 0 ? "rules" : "voters")} is empty; name at least one";
        }
    }
}
