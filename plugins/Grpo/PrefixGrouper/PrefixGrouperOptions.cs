namespace Plumbline.Plugins.PrefixGrouper;

/// <summary>Options of <c>prefix-grouper</c>.</summary>
public sealed record PrefixGrouperOptions
{
    /// <summary>How far the ratio may fall below 1 before the clip stops it.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double EpsilonLow { get; init; } = 0.2;

    /// <summary>How far the ratio may rise above 1; null: as epsilon_low.</summary>
    [NonNegative]
    public double? EpsilonHigh { get; init; }

    /// <summary>Weight of the divergence from the frozen reference; 0 keeps no reference.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.04;
}

/// <summary>Options of <see cref="SharedForm.Attention"/>.</summary>
public sealed record SharedAttentionOptions
{
    /// <summary>Attention heads; head h has the columns h·w … h·w + w - 1.</summary>
    [Positive]
    public int Heads { get; init; } = 1;
}
