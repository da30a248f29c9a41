namespace Plumbline.Plugins.Irpo;

/// <summary>What an item weighs, from its gain 2^relevance - 1 and its rank in the feedback.</summary>
public enum ItemWeighting
{
    /// <summary>gain / log2(1 + rank), as in NDCG.</summary>
    Ndcg,

    /// <summary>1 / log2(1 + rank): an ablation of the paper.</summary>
    Discount,

    /// <summary>gain / rank: an ablation of the paper.</summary>
    Gain,
}

/// <summary>Options of <c>irpo</c>.</summary>
public sealed record IrpoOptions
{
    /// <summary>Strength of the pull towards the reference; the scale of an item's reward.</summary>
    [Positive]
    public double Beta { get; init; } = 1.0;

    /// <summary>What an item weighs.</summary>
    public ItemWeighting Weighting { get; init; } = ItemWeighting.Ndcg;

    /// <summary>Let an item compete with itself too.</summary>
    public bool IncludeSelf { get; init; }

    /// <summary>Compare with the mean of the competitors, as the authors' code does; false: with their sum, as the paper prints it.</summary>
    public bool AverageCompetitors { get; init; } = true;
}

/// <summary>Options of <c>irpo/item-logps</c>.</summary>
public sealed record ItemLogpsOptions
{
    /// <summary>Divide by the number of the item's tokens.</summary>
    public bool Average { get; init; }
}

/// <summary>Options of <c>irpo/metrics</c>.</summary>
public sealed record RankingOptions
{
    /// <summary>The places that count.</summary>
    [Positive]
    public int TopK { get; init; } = 5;
}
