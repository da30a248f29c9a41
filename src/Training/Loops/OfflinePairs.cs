using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>offline-pairs</c>.</summary>
public sealed record OfflinePairsOptions : TrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<PairObjective> Objective { get; init; }

    /// <summary>Pairs a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <summary>Compute the reference's log-probabilities once for the whole data set instead of at each step.</summary>
    public bool PrecomputeReference { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = 2L * BatchSize,
        FrozenCopies = Objective.Create(services).Needs.HasFlag(Needs.Reference) ? 1 : 0,
    };
}

/// <summary>Learns from stored pairs of a better and a worse answer.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>chosen</c> and <c>rejected</c>. One forward a step scores both sides. The reference is the policy as it
/// was when the stage began; it is kept only where the objective needs it.
/// </remarks>
[Loop(Loop.OfflinePairs)]
public sealed class OfflinePairs(OfflinePairsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        var objective = options.Objective.Create(stage.Services);
        if (options.PrecomputeReference && !objective.Needs.HasFlag(Needs.Reference))
        {
            throw new PlumblineException($"precompute_reference is set, and objective '{options.Objective.Id}' reads no reference; take it out");
        }

        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        var pairs = new SequenceBuilder(policy, options.MaxLength, options.Overlong)
            .Build(options.Data.Create(stage.Services).Load(stage.Run).Train, stage.Log, "chosen", "rejected");
        var order = new EpochOrder(pairs.Count, stage.Draws.Key("order"));
        var scorer = new SequenceScorer(policy);
        var reference = objective.Needs.HasFlag(Needs.Reference) ? Reference(policy) : null;
        var stored = reference is not null && options.PrecomputeReference ? Precompute(reference, pairs, cancel) : null;
        policy.Network.train();
        using var optimization = new Optimization(policy.Network.parameters(), options);
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var rows = order.Take((long)step * options.BatchSize, options.BatchSize);
            PromptedSequence[] sequences = [.. rows.Select(row => pairs[row].Sequences[0]), .. rows.Select(row => pairs[row].Sequences[1])];
            var scored = scorer.Score(sequences);
            var batch = new PairBatch
            {
                ["policy_chosen_logps"] = Chosen(scored.Logps),
                ["policy_rejected_logps"] = Rejected(scored.Logps),
                ["chosen_mask"] = Chosen(scored.Mask),
                ["rejected_mask"] = Rejected(scored.Mask),
            };
            if (reference is not null)
            {
                var logps = stored is null ? Score(reference, sequences) : Stored(stored, rows, scored.Logps);
                batch.With("reference_chosen_logps", Chosen(logps)).With("reference_rejected_logps", Rejected(logps));
            }

            var loss = objective.Compute(batch);
            var (norm, rate) = optimization.Step(loss.Value, step);
            var metrics = new Dictionary<string, double>();
            metrics.Add(loss);
            // A pair loss can fall while both sides fall: show them.
            metrics["chosen_logps"] = batch.PolicyChosenLogps.detach().sum().ToDouble() / rows.Length;
            metrics["rejected_logps"] = batch.PolicyRejectedLogps.detach().sum().ToDouble() / rows.Length;
            (metrics["grad_norm"], metrics["learning_rate"]) = (norm, rate);
            return new(metrics, sequences.Sum(sequence => sequence.Length));
        }
    }

    private SequenceScorer Reference(ICausalModel policy)
    {
        var reference = (ICausalModel)policy.Freeze();
        stage.Run.Models.Set("reference", reference);
        return new SequenceScorer(reference);
    }

    private static Tensor Score(SequenceScorer reference, IReadOnlyList<PromptedSequence> sequences)
    {
        using var still = no_grad();
        return reference.Score(sequences).Logps;
    }

    private static Tensor Chosen(Tensor both) => both.narrow(0, 0, both.shape[0] / 2);

    private static Tensor Rejected(Tensor both) => both.narrow(0, both.shape[0] / 2, both.shape[0] / 2);

    /// <summary>Log-probabilities of each pair's two sides under the reference, without padding.</summary>
    private float[][][] Precompute(SequenceScorer reference, List<(Example Example, PromptedSequence[] Sequences)> pairs, CancellationToken cancel)
    {
        stage.Recorder.InHand("reference", "scoring the data set");
        var stored = new float[pairs.Count][][];
        for (var start = 0; start < pairs.Count && !cancel.IsCancellationRequested; start += options.BatchSize)
        {
            using var scope = NewDisposeScope();
            var chunk = pairs.GetRange(start, Math.Min(options.BatchSize, pairs.Count - start));
            PromptedSequence[] sequences = [.. chunk.SelectMany(pair => pair.Sequences)];
            var logps = Score(reference, sequences).to_type(ScalarType.Float32).cpu();
            var width = (int)logps.shape[1];
            var values = logps.data<float>().ToArray();
            for (var i = 0; i < chunk.Count; i++)
            {
                stored[start + i] = [.. Enumerable.Range(0, 2).Select(side =>
                    values.AsSpan(((2 * i) + side) * width, sequences[(2 * i) + side].Completion.Length).ToArray())];
            }
        }

        return stored;
    }

    private static Tensor Stored(float[][][] stored, int[] rows, Tensor like)
    {
        var width = (int)like.shape[1];
        var values = new float[2 * rows.Length * width];
        for (var i = 0; i < rows.Length; i++)
        {
            stored[rows[i]][0].CopyTo(values, i * width);
            stored[rows[i]][1].CopyTo(values, (rows.Length + i) * width);
        }

        return tensor(values, [2 * rows.Length, width]).to(like.dtype).to(like.device);
    }
}
