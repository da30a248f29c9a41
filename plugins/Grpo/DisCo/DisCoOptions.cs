namespace Plumbline.Plugins.DisCo;

/// <summary>How likely the policy finds a completion.</summary>
public enum LikelihoodScore
{
    /// <summary>The mean log-probability of its tokens.</summary>
    LogLikelihood,

    /// <summary>The mean ratio of its tokens' probabilities to those under the policy that sampled.</summary>
    LikelihoodRatio,
}

/// <summary>What right answers are set against.</summary>
public enum DisCoVariant
{
    /// <summary>The soft maximum of the wrong answers' scores: the hardest count most.</summary>
    Disco,

    /// <summary>Their mean.</summary>
    DiscoB,
}

/// <summary>An estimate of the divergence of the policy from the one that sampled, at a token.</summary>
public enum DivergenceEstimator
{
    /// <summary>The log-ratio.</summary>
    K1,

    /// <summary>The log-ratio, plus the inverse ratio less 1: never negative.</summary>
    K3,
}

/// <summary>Options of <c>disco</c>.</summary>
public sealed record DisCoOptions
{
    /// <summary>What right answers must have more of than wrong ones.</summary>
    public LikelihoodScore Score { get; init; } = LikelihoodScore.LogLikelihood;

    /// <summary>What right answers are set against.</summary>
    public DisCoVariant Variant { get; init; } = DisCoVariant.Disco;

    /// <summary>Temperature of the soft maximum, in units of the score; small looks at the hardest wrong answer alone. Null: 10 for log_likelihood, 1 for likelihood_ratio.</summary>
    [Positive]
    public double? Tau { get; init; }

    /// <summary>Divergence of a token from the policy that sampled which costs nothing; nats.</summary>
    [NonNegative]
    public double Delta { get; init; } = 1e-4;

    /// <summary>Twice what the squared excess over delta costs.</summary>
    [NonNegative]
    public double Penalty { get; init; } = 1000;

    /// <summary>The estimate of the divergence.</summary>
    public DivergenceEstimator KlEstimator { get; init; } = DivergenceEstimator.K1;

    /// <summary>tau in force.</summary>
    internal double Temperature => Tau ?? (Score == LikelihoodScore.LogLikelihood ? 10 : 1);
}

/// <summary>A method whose weighting of questions is asked for.</summary>
public enum QuestionWeighting
{
    /// <summary>Advantages over the standard deviation.</summary>
    Grpo,

    /// <summary>Advantages as they are.</summary>
    DrGrpo,

    /// <summary>Every question alike.</summary>
    Disco,
}

/// <summary>Options of <see cref="DisCo.QuestionWeight"/>.</summary>
public sealed record QuestionWeightOptions
{
    /// <summary>Whose weights.</summary>
    public QuestionWeighting Method { get; init; } = QuestionWeighting.Grpo;
}
