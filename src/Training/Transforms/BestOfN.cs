namespace Plumbline.Training;

/// <summary>Options of <c>best-of-n</c>.</summary>
public sealed record BestOfNOptions : IChecksItself
{
    /// <summary>What samples the answers; its group_size is how many a prompt.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What scores them.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Rewards.Count == 0)
        {
            yield return "rewards must name at least one reward: nothing else tells which answer is best";
        }
    }
}

/// <summary>Prompts to demonstrations: of several answers of the policy the one with the highest sum of rewards, the first on ties.</summary>
/// <remarks>Adds to each row completion and score.</remarks>
[Transform("best-of-n")]
[Default("sampler", "kv-cache")]
public sealed class BestOfN(BestOfNOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) =>
        [.. new PolicyAnswers(stage, options.Sampler, options.Rewards).Of(rows, null, draws, cancel).Select(answers =>
        {
            var best = Array.IndexOf(answers.Scores, answers.Scores.Max());
            return answers.With(answers.Example.Index, ("completion", answers.Answers[best].Text), ("score", answers.Scores[best]));
        })];
}
