namespace Plumbline.Plugins.Rso;

/// <summary>The loss of a margin, and what the margin is of.</summary>
public enum RsoLoss
{
    /// <summary>-log σ(z) of log-ratios to the reference: DPO.</summary>
    SigmoidNorm,

    /// <summary>max(0, margin - z) of log-ratios to the reference.</summary>
    HingeNorm,

    /// <summary>max(0, margin - z) of log-probabilities: SLiC. No reference is kept.</summary>
    Hinge,

    /// <summary>-log σ(z) of log-probabilities. No reference is kept.</summary>
    Sigmoid,
}

/// <summary>Options of <c>rso</c>.</summary>
public sealed record RsoOptions
{
    /// <summary>The loss.</summary>
    public RsoLoss Loss { get; init; } = RsoLoss.SigmoidNorm;

    /// <summary>Scale of the score; DPO's beta.</summary>
    [Positive]
    public double Gamma { get; init; } = 0.05;

    /// <summary>The lead at which a hinge is satisfied.</summary>
    public double Margin { get; init; } = 1.0;
}

/// <summary>Options of the rejection sampling.</summary>
public record RejectionSamplingOptions
{
    /// <summary>Answers accepted a prompt.</summary>
    [Positive]
    public int NumSamples { get; init; } = 8;

    /// <summary>How far the target policy stays with the one that sampled: near 0 the best are accepted, far above the rewards' spread the first.</summary>
    [Positive]
    public double Beta { get; init; } = 0.5;
}

/// <summary>Which accepted answers meet.</summary>
public enum Ranking
{
    /// <summary>Neighbours: half as many pairs as answers.</summary>
    FirstRound,

    /// <summary>Neighbours, then the winners, until one is left: one pair less than answers.</summary>
    Tournament,
}

/// <summary>Options of the ranking.</summary>
public sealed record RankPairsOptions
{
    /// <summary>Which answers meet.</summary>
    public Ranking Ranking { get; init; } = Ranking.FirstRound;
}

/// <summary>Options of the pointwise reward.</summary>
public sealed record PointwiseRewardOptions
{
    /// <summary>A probability nearer to 0 or 1 than this counts as this far from it.</summary>
    [Interval(0, 0.5, AboveFrom = true)]
    public double Clip { get; init; } = 1e-6;
}

/// <summary>Options of the transform <c>rso</c>.</summary>
public sealed record RsoSamplingOptions : RejectionSamplingOptions, IChecksItself
{
    /// <summary>What samples the candidates; its group_size is how many a prompt.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What scores the candidates; their sum decides on acceptance.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <summary>What labels a pair; null: the higher sum of the rewards wins, and a pair of equal sums is left out.</summary>
    public Part<IJudge>? Judge { get; init; }

    /// <summary>Which accepted answers meet.</summary>
    public Ranking Ranking { get; init; } = Ranking.FirstRound;

    /// <summary>Pass over the acceptance: the first num_samples candidates go on, as a baseline without rejection.</summary>
    public bool AcceptAll { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Rewards.Count == 0)
        {
            yield return "rewards must name at least one reward: nothing else tells a good answer from a bad one";
        }
    }
}
