namespace Plumbline.Training;

/// <summary>Options of <c>gae</c>.</summary>
public sealed record GaeOptions
{
    /// <summary>Discount of the next token's value.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 1.0;

    /// <summary>Weight of longer estimates: 0 trusts the values, 1 the rewards.</summary>
    [Interval(0, 1)]
    public double Lam { get; init; } = 0.95;

    /// <summary>Divide the token rewards by their standard deviation over the batch; their mean stays.</summary>
    public bool WhitenRewards { get; init; }

    /// <summary>Bring the advantages to mean 0 and variance 1 over the batch; the returns are built before that.</summary>
    public bool WhitenAdvantages { get; init; } = true;
}
