namespace Plumbline.Training;

/// <summary>How often the policy plays against itself.</summary>
public enum SelfPlayKind
{
    /// <summary>Once an iteration: many answers a prompt, of which the best and the worst are learnt from until the next iteration.</summary>
    Iterations,

    /// <summary>At every step: two answers and an opponent's, judged against it; one update.</summary>
    Steps,

    /// <summary>Twice a step: a trial update, then the real one, from where the trial began, on what the trial policy sampled (extragradient).</summary>
    LookAhead,
}

/// <summary>Options of the loop <c>self-play</c>.</summary>
public sealed record SelfPlayOptions : TextTrainingOptions, IChecksItself
{
    /// <summary>The loss.</summary>
    public required Part<PairObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<PairObjective>> Terms { get; init; } = [];

    /// <summary>How often the policy plays against itself.</summary>
    public SelfPlayKind Play { get; init; } = SelfPlayKind.Iterations;

    /// <summary>What says which of two answers is better.</summary>
    public Part<IJudge>? Judge { get; init; }

    /// <summary>Judge each pair in both orders and average.</summary>
    public bool BothOrders { get; init; }

    /// <summary>What scores answers, where there is no judge: one beats another with probability σ of the difference of their sums.</summary>
    public IReadOnlyList<Part<IReward>> Rewards { get; init; } = [];

    /// <summary>What the best and the worst answer are found by; null: scores where rewards are named, else the judge's preferences.</summary>
    public WinRateKind? Select { get; init; }

    /// <summary>What samples answers; its group size is the answers a prompt of an iteration.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What samples the opponent's answers at each step; null: the two answers are judged against each other.</summary>
    public Part<ISampler>? OpponentSampler { get; init; }

    /// <summary>Iterations, an equal share of the steps each.</summary>
    [Positive]
    public int Iterations { get; init; } = 1;

    /// <summary>Each iteration has prompts of its own, an equal share; false: all have all.</summary>
    public bool SplitPrompts { get; init; }

    /// <summary>When the reference is made anew.</summary>
    public ReferenceRefresh ReferenceRefresh { get; init; } = ReferenceRefresh.Phase;

    /// <summary>Begin each iteration with a fresh optimiser, and with the learning rate's schedule anew.</summary>
    public bool ResetOptimizer { get; init; }

    /// <summary>Pairs an update, within iterations.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <summary>Prompts a step, where every step plays.</summary>
    [Positive]
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Pairs a prompt, where every step plays.</summary>
    [Positive]
    public int PairsPerPrompt { get; init; } = 1;

    /// <summary>Write some pairs to samples.jsonl.</summary>
    public bool WriteSamples { get; init; } = true;

    /// <summary>The first step of an iteration.</summary>
    internal int FirstStep(int iteration) => (int)((((long)iteration * Steps) + Iterations - 1) / Iterations);

    /// <summary>The iteration of a step.</summary>
    internal int Iteration(int step) => (int)((long)step * Iterations / Math.Max(1, Steps));

    /// <summary>What the best and the worst are found by.</summary>
    internal WinRateKind Kind => Select ?? (Rewards.Count > 0 ? WinRateKind.Scores : WinRateKind.Preferences);

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        var every = Play != SelfPlayKind.Iterations;
        if (Judge is null && Rewards.Count == 0)
        {
            yield return "nothing tells a good answer from a bad one: name a judge, or rewards";
        }
        else if (every && Judge is null)
        {
            yield return "play against an opponent at every step needs a judge; reward-difference makes one of rewards";
        }
        else if (!every && Kind == WinRateKind.Scores && Rewards.Count == 0)
        {
            yield return "select is scores, which rewards give; name rewards, or set select to preferences";
        }
        else if (!every && Kind == WinRateKind.Preferences && Judge is null)
        {
            yield return "select is preferences, which a judge gives; name a judge, or set select to scores";
        }
        else if (Judge is not null && Rewards.Count > 0 && (every || Select is null))
        {
            yield return "judge and rewards are both named; say by select which of them to go by, and take the other out";
        }

        if (Steps > 0 && Iterations > Steps)
        {
            yield return $"there are {Iterations} iterations and only {Steps} steps; raise steps";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = Play switch
        {
            SelfPlayKind.Iterations => 2L * BatchSize,
            SelfPlayKind.Steps => 2L * PromptsPerStep * PairsPerPrompt,
            _ => 4L * PromptsPerStep * PairsPerPrompt,
        },
        SampledSequences = Play == SelfPlayKind.Iterations ? 0
            : (OpponentSampler is null ? 2L : 3L) * PromptsPerStep * PairsPerPrompt * (Play == SelfPlayKind.LookAhead ? 2 : 1),
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}
