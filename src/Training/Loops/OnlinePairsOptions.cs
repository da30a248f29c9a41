namespace Plumbline.Training;

/// <summary>Which model gives an answer.</summary>
public enum AnswersFrom
{
    /// <summary>The policy as it is.</summary>
    Policy,

    /// <summary>The policy as it was when the stage began.</summary>
    Reference,

    /// <summary>The geometric mixture of both, token by token.</summary>
    Mixture,
}

/// <summary>How a judge's probability becomes a chosen and a rejected answer.</summary>
public enum PairLabels
{
    /// <summary>A draw: the first answer is chosen with the judge's probability.</summary>
    Sampled,

    /// <summary>The likelier one is chosen; of equals the first.</summary>
    Hard,

    /// <summary>The first answer is chosen, and the batch has <c>preference</c> [B], the judge's probability.</summary>
    Soft,
}

/// <summary>Which pairs a round learns from.</summary>
public enum PairHistory
{
    /// <summary>Those of this round.</summary>
    Last,

    /// <summary>All so far.</summary>
    All,
}

/// <summary>Options of the loop <c>online-pairs</c>.</summary>
public sealed record OnlinePairsOptions : PairRoundsOptions
{
    /// <summary>What says which of two answers is better.</summary>
    public required Part<IJudge> Judge { get; init; }

    /// <summary>Judge each pair in both orders and average.</summary>
    public bool BothOrders { get; init; }

    /// <summary>What samples answers.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What samples the second answers; null: the same.</summary>
    public Part<ISampler>? SecondSampler { get; init; }

    /// <summary>Which model gives the first answer.</summary>
    public AnswersFrom First { get; init; } = AnswersFrom.Policy;

    /// <summary>Which model gives the second answer.</summary>
    public AnswersFrom Second { get; init; } = AnswersFrom.Policy;

    /// <summary>Weight of the reference in the mixture.</summary>
    [Interval(0, 1)]
    public double Mixture { get; init; } = 0.125;

    /// <summary>How a judge's probability becomes a chosen and a rejected answer.</summary>
    public PairLabels Labels { get; init; } = PairLabels.Sampled;

    /// <summary>Prompts a step.</summary>
    [Positive]
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Pairs a prompt.</summary>
    [Positive]
    public int PairsPerPrompt { get; init; } = 1;

    /// <summary>Which pairs a step learns from.</summary>
    public PairHistory History { get; init; } = PairHistory.Last;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = 2L * UpdatesPerRound * (BatchSize ?? ((long)PromptsPerStep * PairsPerPrompt)),
        SampledSequences = 2L * PromptsPerStep * PairsPerPrompt,
        FrozenCopies = First != AnswersFrom.Policy || Second != AnswersFrom.Policy ? 1 : ReferenceCopies(services, Objective, Terms),
    };
}
