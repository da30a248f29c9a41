namespace Plumbline.Plugins.MctsDpo;

/// <summary>Which sibling is the rejected one.</summary>
public enum NegativeStep
{
    /// <summary>The worst.</summary>
    Worst,

    /// <summary>The one next to the best.</summary>
    Second,
}

/// <summary>The loss of a pair.</summary>
public enum MctsDpoLoss
{
    /// <summary>The logistic loss of DPO, smoothed by the visits.</summary>
    Sigmoid,

    /// <summary>The squared loss of IPO on log-ratios a token.</summary>
    Ipo,
}

/// <summary>Options of <c>mcts-dpo</c>, the loss.</summary>
public sealed record MctsDpoOptions
{
    /// <summary>How strongly the policy is held to the reference.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Take a label the less at its word the more the rejected step was visited.</summary>
    public bool Conservative { get; init; } = true;

    /// <summary>The loss of a pair.</summary>
    public MctsDpoLoss LossType { get; init; } = MctsDpoLoss.Sigmoid;
}

/// <summary>Options of <c>mcts-dpo</c>, the pairs of a tree.</summary>
public sealed record StepPairsOptions
{
    /// <summary>Which sibling is the rejected one.</summary>
    public NegativeStep Negative { get; init; } = NegativeStep.Worst;
}

/// <summary>Options of <see cref="MctsDpo.Prior"/>.</summary>
public sealed record PriorOptions
{
    /// <summary>Power of the number of tokens that divides the log-probability.</summary>
    [Positive]
    public double LengthPenalty { get; init; } = 1.25;
}

/// <summary>Options of <see cref="MctsDpo.NodeValue"/>.</summary>
public sealed record NodeValueOptions
{
    /// <summary>Below this depth a confidence counts less the deeper it lies.</summary>
    [NonNegative]
    public int LongDepth { get; init; } = 3;

    /// <summary>What a right path counts that is no part of the worked solution.</summary>
    [NonNegative]
    public double NoveltyBonus { get; init; } = 1.25;

    /// <summary>A right path counts little where it ends at once.</summary>
    public bool MultipleChoice { get; init; }
}

/// <summary>Options of <see cref="MctsDpo.Select"/>.</summary>
public sealed record PuctOptions
{
    /// <summary>Weight of the prior.</summary>
    [NonNegative]
    public double Exploration { get; init; } = 1;
}

/// <summary>Options of <see cref="MctsDpo.Backup"/>.</summary>
public sealed record BackupOptions
{
    /// <summary>What a later value counts against an earlier one.</summary>
    [Interval(0, 1)]
    public double Discount { get; init; } = 1;
}

/// <summary>Options of <see cref="MctsDpo.NextStep"/>.</summary>
public sealed record NextStepOptions
{
    /// <summary>0: the most visited steps alike; above, the hotter the more evenly.</summary>
    [NonNegative]
    public double Temperature { get; init; }

    /// <summary>Prefer steps below which visits differ.</summary>
    public bool ConsiderDiversity { get; init; } = true;
}
