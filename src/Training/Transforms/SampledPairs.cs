namespace Plumbline.Training;

/// <summary>How a pair of answers gets its label.</summary>
public enum PairLabel
{
    /// <summary>The winner is drawn by the probability that it is better: labels as noisy as a rater's.</summary>
    Draw,

    /// <summary>The likelier answer wins; a tie leaves the pair out.</summary>
    Best,
}

/// <summary>Options of <c>sampled-pairs</c>.</summary>
public sealed record SampledPairsOptions : IChecksItself
{
    /// <summary>What samples the answers, two a prompt.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What scores them.</summary>
    public IReadOnlyList<Part<IReward>> Rewards { get; init; } = [];

    /// <summary>Which answer is better; null: σ of the difference of the rewards' sums over the temperature (Bradley-Terry).</summary>
    public Part<IJudge>? Judge { get; init; }

    /// <summary>Divides the difference of the rewards.</summary>
    [Positive]
    public double Temperature { get; init; } = 1.0;

    /// <summary>How a pair gets its label.</summary>
    public PairLabel Label { get; init; } = PairLabel.Draw;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Rewards.Count == 0 && Judge is null)
        {
            yield return "rewards or judge is needed: nothing else tells which of two answers is better";
        }
    }
}

/// <summary>Prompts to preference pairs: two answers of the policy each, labelled by rewards or a judge.</summary>
/// <remarks>Adds to each row chosen, rejected, chosen_score, rejected_score.</remarks>
[Transform("sampled-pairs")]
[Default("sampler", "kv-cache")]
public sealed class SampledPairs(SampledPairsOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var judge = options.Judge?.Create(stage.Services);
        var pairs = new List<Example>();
        foreach (var answers in new PolicyAnswers(stage, options.Sampler, options.Rewards).Of(rows, 2, draws, cancel))
        {
            var own = draws.Key("label").Key(answers.Example.Index);
            var probability = judge is null ? Sigmoid((answers.Scores[0] - answers.Scores[1]) / options.Temperature)
                : Judgements.Of(judge, options.Judge!.Id, [(answers.Answers[0], answers.Answers[1])], new RewardContext(0, 1, own.Key("judge")))[0];
            if (options.Label == PairLabel.Draw || probability != 0.5)
            {
                var chosen = probability > (options.Label == PairLabel.Draw ? own.Uniform() : 0.5) ? 0 : 1;
                pairs.Add(answers.Pair(answers.Example.Index, chosen, 1 - chosen));
            }
        }

        return pairs;
    }

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
}
