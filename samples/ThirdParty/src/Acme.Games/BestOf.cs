using Plumbline;
using Plumbline.Training;

namespace Acme.Games;

/// <summary>Options of the loop <c>acme-best-of</c>.</summary>
public sealed record BestOfOptions : RolloutOptions
{
    /// <summary>The loss on the completions that were kept.</summary>
    public required Part<SequenceObjective> Objective { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = PromptsPerStep,
        SampledSequences = (long)PromptsPerStep * Sampler.Create(services).GroupSize,
    };
}

/// <summary>Samples a group of completions a prompt, keeps the best of each, and learns those as if they had been demonstrated.</summary>
/// <remarks>A group whose completions all score alike shows nothing to prefer and is left out; a step without any other makes no update.</remarks>
[Loop("acme-best-of")]
[Default("sampler", "kv-cache")]
[Default("objective", "sft")]
public sealed class BestOf(BestOfOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        using var source = new RolloutSource(options, stage, withinGroups: true);
        using var learner = new Learner(stage, options, [(options.Objective.Id, options.Objective.Create(stage.Services))], policy, policy.Network.parameters());
        var scorer = new SequenceScorer(policy, source.Temperature);
        StepLoop.Run(stage, options, Step, cancel);
        source.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var sampled = source.Next(step, metrics, cancel);
            PromptedSequence[] best =
            [
                .. Enumerable.Range(0, sampled.Rollouts.Count)
                    .GroupBy(row => sampled.Rollouts[row].GroupId)
                    .Where(group => group.Max(row => sampled.Totals[row]) > group.Min(row => sampled.Totals[row]))
                    .Select(group => sampled.Sequences[group.MaxBy(row => sampled.Totals[row])]),
            ];
            metrics["kept"] = best.Length;
            if (best.Length > 0)
            {
                stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                var scored = scorer.Score(best, learner.Needs);
                var batch = new SequenceBatch { ["logps"] = scored.Logps, ["mask"] = scored.Mask, ["tokens"] = scored.Tokens };
                learner.Update(batch, step, metrics, best.Length);
            }

            return new(metrics, sampled.Tokens);
        }
    }
}
