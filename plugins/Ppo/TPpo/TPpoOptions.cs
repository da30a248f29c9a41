namespace Plumbline.Plugins.TPpo;

/// <summary>Options of <c>t-ppo</c>.</summary>
public sealed record TPpoOptions
{
    /// <summary>How far the ratio may fall below 1 before the clip stops it.</summary>
    [Positive]
    public double ClipLow { get; init; } = 0.2;

    /// <summary>How far the ratio may rise above 1.</summary>
    [Positive]
    public double ClipHigh { get; init; } = 0.2;

    /// <summary>How far a value may move from the one recorded before the update; null: as far as it likes.</summary>
    [Positive]
    public double? ClipRangeValue { get; init; } = 0.2;

    /// <summary>Weight of the value loss.</summary>
    [NonNegative]
    public double VfCoef { get; init; } = 1.0;

    /// <summary>Weight of the entropy of the tokens that train the policy, which is subtracted from the loss.</summary>
    public double EntropyCoef { get; init; }
}

/// <summary>Options of <c>t-ppo</c> as an advantage.</summary>
public sealed record EgaeOptions
{
    /// <summary>Discount of the next token's value.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 1.0;

    /// <summary>Weight of longer estimates: 0 trusts the values, 1 the rewards.</summary>
    [Interval(0, 1)]
    public double Lam { get; init; } = 0.95;

    /// <summary>Bring the advantages of the tokens that train the policy to mean 0 and variance 1; the returns are built before that.</summary>
    public bool WhitenAdvantages { get; init; }

    /// <summary>The same weight for the critic's targets; 1: the rewards alone.</summary>
    [Interval(0, 1)]
    public double ValueLam { get; init; } = 1.0;

    /// <summary>Tokens at the end of an unfinished row that don't train the policy.</summary>
    [NonNegative]
    public int TruncatedTail { get; init; }
}

/// <summary>Options of <see cref="Schedule.Of"/>.</summary>
public sealed record ScheduleOptions
{
    /// <summary>Rows that are decoded at a time.</summary>
    [Positive]
    public int Slots { get; init; } = 4;

    /// <summary>Tokens of a round.</summary>
    [Positive]
    public int Window { get; init; } = 8;

    /// <summary>Longest response in tokens; null: there is none.</summary>
    [Positive]
    public int? MaxLength { get; init; }
}
