namespace Plumbline.Plugins.RDpo;

/// <summary>The loss of one order, before it is corrected for flips.</summary>
public enum OrderLoss
{
    /// <summary>-log σ(h), h = β (S_chosen - S_rejected): DPO.</summary>
    Sigmoid,

    /// <summary>max(0, 1 - h).</summary>
    Hinge,

    /// <summary>(S_chosen - S_rejected - 1/(2β))²: IPO, of the bare margin.</summary>
    Ipo,
}

/// <summary>Options of <c>rdpo</c>.</summary>
public sealed record RDpoOptions
{
    /// <summary>Strength of the pull towards the reference; IPO's τ.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>ε, the share of labels that were flipped; estimate it on a small clean set.</summary>
    [Interval(0, 0.5, BelowTo = true)]
    public double FlipRate { get; init; } = 0.1;

    /// <summary>The loss of one order, before it is corrected for flips.</summary>
    public OrderLoss Loss { get; init; } = OrderLoss.Sigmoid;
}
