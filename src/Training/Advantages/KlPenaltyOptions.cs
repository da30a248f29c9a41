namespace Plumbline.Training;

/// <summary>An estimate of the divergence at a token, from d = old_logps - reference_logps.</summary>
public enum KlPenaltyEstimator
{
    /// <summary>d: unbiased, and so is its gradient.</summary>
    K1,

    /// <summary>e⁻ᵈ - 1 + d: never negative; biased for the gradient.</summary>
    K3,

    /// <summary>|d|.</summary>
    Abs,

    /// <summary>d²/2.</summary>
    Mse,
}

/// <summary>Options of <c>kl-penalty</c>.</summary>
public sealed record KlPenaltyOptions
{
    /// <summary>Weight of the divergence from the reference; a controller may change it from here on. 0 keeps no reference, and mean_kl is then 0.</summary>
    [NonNegative]
    public double KlCoef { get; init; } = 0.05;

    /// <summary>How the divergence is estimated.</summary>
    public KlPenaltyEstimator KlEstimator { get; init; } = KlPenaltyEstimator.K1;

    /// <summary>Scores are clamped to this size, either sign; null: they are not.</summary>
    [Positive]
    public double? ScoreClip { get; init; }

    /// <summary>Taken off the score of a completion without an end-of-sequence token; null: nothing.</summary>
    public double? MissingEosPenalty { get; init; }
}
