namespace Plumbline.Plugins.Dpo;

/// <summary>Options of <c>dpo</c>.</summary>
public sealed record DpoOptions
{
    /// <summary>Strength of the pull towards the reference; the scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>The share of labels taken to be wrong; above 0 the loss is conservative DPO.</summary>
    [Interval(0, 0.5)]
    public double LabelSmoothing { get; init; }

    /// <summary>Take the policy's own log-probabilities as the reward; no reference is kept.</summary>
    public bool ReferenceFree { get; init; }

    /// <summary>Divide each answer's sum by its number of tokens.</summary>
    public bool LengthNormalized { get; init; }

    /// <summary>Weight of the chosen answers' negative log-likelihood, added to the loss.</summary>
    [NonNegative]
    public double SftWeight { get; init; }
}
