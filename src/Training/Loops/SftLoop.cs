using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>sft</c>.</summary>
public sealed record SftLoopOptions : TextTrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<SequenceObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<SequenceObjective>> Terms { get; init; } = [];

    /// <summary>Examples a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 32;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = BatchSize,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Supervised fine-tuning: learns the completions of prompts.</summary>
/// <remarks>
/// Rows have <c>prompt</c> and <c>completion</c>; the loss sees completion tokens only, the end-of-sequence token included. Where the objective
/// needs a reference, it is the policy as it was when the stage began.
/// </remarks>
[Loop(Loop.Sft)]
public sealed class SftLoop(SftLoopOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var rows = options.Rows(stage, cancel);
        var examples = new SequenceBuilder(policy, options.MaxLength, options.Overlong).Build(rows, stage.Log, "completion");
        var order = new EpochOrder(examples.Count, stage.Draws.Key("order"));
        var scorer = new SequenceScorer(policy);
        policy.Network.train();
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters());
        var reference = learner.Needs.HasFlag(Needs.Reference) ? new SequenceScorer(ReferencePolicy.Freeze(stage)) : null;
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var chosen = order.Take((long)step * options.BatchSize, options.BatchSize);
            PromptedSequence[] sequences = [.. chosen.Select(row => examples[row].Sequences[0])];
            var scored = scorer.Score(sequences, learner.Needs);
            var batch = new SequenceBatch { ["logps"] = scored.Logps, ["mask"] = scored.Mask, ["tokens"] = scored.Tokens };
            batch.With("entropies", scored.Entropies).With("policy_logits", scored.Logits);
            if (reference is not null)
            {
                using var still = no_grad();
                batch.With("reference_logps", reference.Score(sequences).Logps);
            }

            Examples.AddTo(batch, [.. chosen.Select(row => examples[row].Example)], learner.Columns, scored.Mask.device, scored.Mask.dtype);
            var metrics = new Dictionary<string, double>();
            learner.Update(batch, step, metrics, chosen.Length);
            return new(metrics, sequences.Sum(sequence => sequence.Length));
        }
    }
}
