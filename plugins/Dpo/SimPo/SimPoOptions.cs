namespace Plumbline.Plugins.SimPo;

/// <summary>The shape of the loss of a margin.</summary>
public enum MarginLoss
{
    /// <summary>-log σ(z).</summary>
    Sigmoid,

    /// <summary>max(0, 1 - z); <c>label_smoothing</c> is not read.</summary>
    Hinge,
}

/// <summary>Options of <c>simpo</c>.</summary>
public sealed record SimPoOptions
{
    /// <summary>Scale of the reward, the average log-probability of an answer.</summary>
    [Positive]
    public double Beta { get; init; } = 2.0;

    /// <summary>The margin asked for, in units of the reward (other libraries give its ratio to beta).</summary>
    [NonNegative]
    public double Gamma { get; init; } = 0.5;

    /// <summary>The share of labels taken to be wrong.</summary>
    [Interval(0, 0.5)]
    public double LabelSmoothing { get; init; }

    /// <summary>The shape of the loss.</summary>
    public MarginLoss Loss { get; init; } = MarginLoss.Sigmoid;

    /// <summary>Weight of the chosen answers' negative log-likelihood, added to the loss.</summary>
    [NonNegative]
    public double SftWeight { get; init; }
}
