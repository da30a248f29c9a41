namespace Plumbline.Plugins.Oreo;

/// <summary>Which positions are states of the soft Bellman equation.</summary>
public enum OreoLevel
{
    /// <summary>Before every token.</summary>
    Token,

    /// <summary>Before the first token of each step or action.</summary>
    Step,

    /// <summary>Before the answer's first token alone.</summary>
    Response,
}

/// <summary>How far the policy is from the reference.</summary>
public enum OreoKl
{
    /// <summary>The divergence of the whole next-token distributions, Σ π (log π - log π_ref).</summary>
    Full,

    /// <summary>An estimate from the tokens at hand, exp(-d) + d - 1 with d = log π/π_ref; it needs no logits.</summary>
    K3,
}

/// <summary>Options of <c>oreo</c>.</summary>
public sealed record OreoOptions
{
    /// <summary>The weight of the log-ratio in the soft Bellman equation; a value error of beta asks for a log-ratio of 1.</summary>
    [Positive]
    public double Beta { get; init; } = 0.03;

    /// <summary>Which positions are states.</summary>
    public OreoLevel Level { get; init; } = OreoLevel.Token;

    /// <summary>Weight of the divergence from the reference.</summary>
    [NonNegative]
    public double KlCoef { get; init; } = 0.01;

    /// <summary>How the divergence is measured.</summary>
    public OreoKl KlEstimator { get; init; } = OreoKl.Full;

    /// <summary>In the value's loss, log-ratios to come are cut to this size; null leaves them.</summary>
    [Positive]
    public double? ClipLog { get; init; }

    /// <summary>In the value's loss, weigh each answer by its probability ratio, at most e.</summary>
    public bool ImportanceWeighting { get; init; }
}

/// <summary>Options of a step of the value-guided beam search.</summary>
public sealed record OreoBeamOptions
{
    /// <summary>Candidates that are kept.</summary>
    [Positive]
    public int Beam { get; init; } = 3;
}
