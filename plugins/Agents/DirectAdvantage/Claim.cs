using System.Text.Json.Nodes;

namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>The same answers with the outcome less the problem's mean on every step; the baseline of the claim of direct-advantage.</summary>
[Transform("direct-advantage-outcome")]
[Default("sampler", "kv-cache")]
[Default("reward", "step-trees")]
public sealed class ClaimOutcome(DirectAdvantageStatesOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var sampling = new StepSampling(options, stage, draws, cancel);
        var answers = sampling.Sample(rows);
        var means = answers.GroupBy(answer => answer.Rollout.GroupId).ToDictionary(group => group.Key, group => group.Average(answer => answer.Outcome));
        return [.. answers.Select((answer, i) => StepAdvantages.Row(i, answer, sampling, [], [.. answer.Ends.Select(_ => answer.Outcome - means[answer.Rollout.GroupId])]))];
    }
}

/// <summary>The same answers in pairs, every right one of a problem with every wrong one; for DPO, the other baseline of the claim of direct-advantage.</summary>
[Transform("direct-advantage-pairs")]
[Default("sampler", "kv-cache")]
[Default("reward", "step-trees")]
public sealed class ClaimPairs(DirectAdvantageStatesOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var answers = new StepSampling(options, stage, draws, cancel).Sample(rows);
        var pairs = answers.GroupBy(answer => answer.Rollout.GroupId).SelectMany(group =>
            from right in @group
            where right.Outcome == 1
            from wrong in @group
            where wrong.Outcome == 0
            select (right.Rollout, Wrong: wrong.Rollout.Text));
        return [.. pairs.Select((pair, i) => new Example(i, new JsonObject { ["prompt"] = pair.Rollout.Example.Text("prompt"), ["chosen"] = pair.Rollout.Text, ["rejected"] = pair.Wrong }))];
    }
}
