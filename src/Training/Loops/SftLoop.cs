using Microsoft.Extensions.DependencyInjection;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>sft</c>.</summary>
public sealed record SftLoopOptions : TrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<SequenceObjective> Objective { get; init; }

    /// <summary>Examples a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 32;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new() { Steps = Steps, TrainedSequences = BatchSize };
}

/// <summary>Supervised fine-tuning: learns the completions of prompts.</summary>
/// <remarks>Rows have <c>prompt</c> and <c>completion</c>; the loss sees completion tokens only, the end-of-sequence token included.</remarks>
[Loop(Loop.Sft)]
public sealed class SftLoop(SftLoopOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        var objective = options.Objective.Create(stage.Services);
        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        var examples = new SequenceBuilder(policy, options.MaxLength, options.Overlong)
            .Build(options.Data.Create(stage.Services).Load(stage.Run).Train, stage.Log, "completion");
        var order = new EpochOrder(examples.Count, stage.Draws.Key("order"));
        var scorer = new SequenceScorer(policy);
        policy.Network.train();
        using var optimization = new Optimization(policy.Network.parameters(), options);
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var rows = order.Take((long)step * options.BatchSize, options.BatchSize);
            PromptedSequence[] sequences = [.. rows.Select(row => examples[row].Sequences[0])];
            var scored = scorer.Score(sequences, objective.Needs.HasFlag(Needs.Entropies));
            var batch = new SequenceBatch { ["logps"] = scored.Logps, ["mask"] = scored.Mask };
            batch.With("entropies", scored.Entropies);
            var loss = objective.Compute(batch);
            var (norm, rate) = optimization.Step(loss.Value, step);
            var metrics = new Dictionary<string, double>();
            metrics.Add(loss);
            (metrics["grad_norm"], metrics["learning_rate"]) = (norm, rate);
            return new(metrics, sequences.Sum(sequence => sequence.Length));
        }
    }
}
