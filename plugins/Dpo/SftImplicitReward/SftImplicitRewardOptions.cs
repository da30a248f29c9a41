namespace Plumbline.Plugins.SftImplicitReward;

/// <summary>The f-divergence between demonstrations and policy, by its conjugate φ.</summary>
public enum Divergence
{
    /// <summary>φ(x) = x: plain SFT.</summary>
    TotalVariation,

    /// <summary>φ(x) = x - x²/4.</summary>
    PearsonChi2,

    /// <summary>φ(x) = x/(1 + x), x > -1.</summary>
    SquaredHellinger,

    /// <summary>φ(x) = log(2 - e⁻ˣ), x > -log 2.</summary>
    JensenShannon,

    /// <summary>φ(x) = -e⁻⁽ˣ⁺¹⁾.</summary>
    ReverseKl,
}

/// <summary>What has an implicit reward of its own.</summary>
public enum RewardLevel
{
    /// <summary>Each token.</summary>
    Token,

    /// <summary>Each demonstration: the sum over its tokens. Use a beta of about 0.1.</summary>
    Sequence,
}

/// <summary>Options of <c>sft-implicit-reward</c>.</summary>
public sealed record SftImplicitRewardOptions
{
    /// <summary>How far demonstrations and policy are apart; all but total_variation restrain a policy that has left the reference.</summary>
    public Divergence Divergence { get; init; } = Divergence.TotalVariation;

    /// <summary>Scale of the implicit reward, β log π/π_ref.</summary>
    [Positive]
    public double Beta { get; init; } = 1.0;

    /// <summary>What has an implicit reward of its own.</summary>
    public RewardLevel Level { get; init; } = RewardLevel.Token;

    /// <summary>Below this reward φ goes on as its tangent (squared_hellinger and jensen_shannon, which are singular further down).</summary>
    [Interval(-0.69, 0, AboveFrom = true)]
    public double Floor { get; init; } = -0.5;
}

/// <summary>Options of the value functions: the scale between logits and values.</summary>
public sealed record StateValueOptions
{
    /// <summary>Temperature of the soft maximum; the scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 1.0;
}

/// <summary>Options of <c>sft-implicit-reward/learning_rates</c>.</summary>
public sealed record LearningRatesOptions
{
    /// <summary>The usual peak.</summary>
    [Positive]
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>What the paper's remedy multiplies it by.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Factor { get; init; } = 0.25;

    /// <summary>The share of the steps over which it rises.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double WarmupRatio { get; init; } = 0.1;
}
