using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>When a reference is made anew from the policy.</summary>
public enum ReferenceRefresh
{
    /// <summary>Never: it stays the policy of the stage's beginning.</summary>
    Never,

    /// <summary>At the beginning of each phase or iteration.</summary>
    Phase,
}

/// <summary>Options of the loop <c>offline-pairs</c>.</summary>
public sealed record OfflinePairsOptions : TextTrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<PairObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<PairObjective>> Terms { get; init; } = [];

    /// <summary>Pairs a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <summary>Compute the reference's log-probabilities once for the whole data set instead of at each step.</summary>
    public bool PrecomputeReference { get; init; }

    /// <summary>The data's number column whose values are phases: those of the lowest value first, an equal share of the steps each; null: one phase.</summary>
    public string? PhaseColumn { get; init; }

    /// <summary>When the reference is made anew.</summary>
    public ReferenceRefresh ReferenceRefresh { get; init; } = ReferenceRefresh.Never;

    /// <summary>Begin each phase with a fresh optimiser.</summary>
    public bool ResetOptimizer { get; init; }

    /// <summary>Each epoch in an order of its own; false: in the order of the data.</summary>
    public bool Shuffle { get; init; } = true;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = 2L * BatchSize,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Learns from stored pairs of a better and a worse answer.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>chosen</c> and <c>rejected</c>, and the number columns that the objective declares. One forward a step scores both
/// sides. The reference is the policy as it was when the stage (or, refreshed, the phase) began; it is kept only where the objective needs it.
/// </remarks>
[Loop(Loop.OfflinePairs)]
public sealed class OfflinePairs(OfflinePairsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var rows = options.Rows(stage, cancel);
        var pairs = new SequenceBuilder(policy, options.MaxLength, options.Overlong).Build(rows, stage.Log, "chosen", "rejected");
        var phases = Phases(pairs);
        policy.Network.train();
        var learner = NewLearner();
        try
        {
            var phase = -1;
            ICausalModel? reference = null;
            PairScorer scorer = null!;
            double[][][]? stored = null;
            EpochOrder order = null!;
            StepLoop.Run(stage, options, Step, cancel);

            StepLoop.StepResult Step(int step)
            {
                if ((int)((long)step * phases.Length / options.Steps) is var now && now != phase)
                {
                    Enter(now);
                }

                stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                int[] chosen = [.. order.Take((long)(step - First(phase)) * options.BatchSize, options.BatchSize).Select(place => phases[phase][place])];
                PromptedSequence[] better = [.. chosen.Select(row => pairs[row].Sequences[0])], worse = [.. chosen.Select(row => pairs[row].Sequences[1])];
                var known = stored is null ? null : Stored(stored, chosen, policy.Network.parameters().First().device);
                var batch = scorer.Score(better, worse, known);
                Examples.AddTo(batch, [.. chosen.Select(row => pairs[row].Example)], learner.Columns, batch.ChosenMask.device, batch.ChosenMask.dtype);
                var metrics = new Dictionary<string, double>();
                if (phases.Length > 1)
                {
                    metrics["phase"] = phase;
                }

                learner.Update(batch, step, metrics, chosen.Length);
                PairScorer.Tell(batch, metrics);
                return new(metrics, better.Concat(worse).Sum(sequence => sequence.Length));
            }

            void Enter(int next)
            {
                if (phase >= 0 && options.ResetOptimizer)
                {
                    learner.Dispose();
                    learner = NewLearner();
                }

                if ((learner.Needs & PairScorer.OfReference) != 0 && (phase < 0 || options.ReferenceRefresh == ReferenceRefresh.Phase))
                {
                    reference = ReferencePolicy.Freeze(stage);
                    stored = null;
                }

                phase = next;
                scorer = new PairScorer(policy, reference, learner.Needs);
                order = new EpochOrder(phases[phase].Length, phases.Length == 1 ? stage.Draws.Key("order") : stage.Draws.Key("order").Key(phase), options.Shuffle);
                if (reference is not null && options.PrecomputeReference)
                {
                    stored ??= Precompute(new SequenceScorer(reference), pairs, cancel);
                }
            }
        }
        finally
        {
            learner.Dispose();
        }

        int First(int phase) => (int)((((long)phase * options.Steps) + phases.Length - 1) / phases.Length);

        Learner NewLearner()
        {
            var made = new Learner(stage, options, terms, policy, policy.Network.parameters());
            if (options.PrecomputeReference && !made.Needs.HasFlag(Needs.Reference))
            {
                made.Dispose();
                throw new PlumblineException($"precompute_reference is set, and objective '{options.Objective.Id}' reads no reference; take it out");
            }

            return made;
        }
    }

    /// <summary>The rows of each phase, phases ascending.</summary>
    private int[][] Phases(IReadOnlyList<(Example Example, PromptedSequence[] Sequences)> pairs)
    {
        var all = Enumerable.Range(0, pairs.Count);
        if (options.PhaseColumn is not { } column)
        {
            return [[.. all]];
        }

        int[][] phases = [.. all.GroupBy(row => pairs[row].Example.FindNumber(column)
                ?? throw new PlumblineException($"row {pairs[row].Example.Index} of the data has no number '{column}', which phase_column names"))
            .OrderBy(group => group.Key).Select(group => group.ToArray())];
        return phases.Length <= Math.Max(1, options.Steps) ? phases
            : throw new PlumblineException($"the data's column '{column}' has {phases.Length} phases, and the stage only {options.Steps} steps; raise steps");
    }

    /// <summary>Log-probabilities of each pair's two sides under the reference, without padding.</summary>
    private double[][][] Precompute(SequenceScorer reference, IReadOnlyList<(Example Example, PromptedSequence[] Sequences)> pairs, CancellationToken cancel)
    {
        stage.Recorder.InHand("reference", "scoring the data set");
        using var still = no_grad();
        var stored = new double[pairs.Count][][];
        for (var start = 0; start < pairs.Count; start += options.BatchSize)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var chunk = pairs.Skip(start).Take(options.BatchSize).ToArray();
            PromptedSequence[] sequences = [.. chunk.SelectMany(pair => pair.Sequences)];
            var logps = reference.Score(sequences).Logps.to_type(ScalarType.Float64).cpu();
            var width = (int)logps.shape[1];
            var values = logps.data<double>().ToArray();
            for (var i = 0; i < chunk.Length; i++)
            {
                stored[start + i] = [.. Enumerable.Range(0, 2).Select(side =>
                    values.AsSpan(((2 * i) + side) * width, sequences[(2 * i) + side].Completion.Length).ToArray())];
            }
        }

        return stored;
    }

    private static Tensor Stored(double[][][] stored, int[] rows, Device device)
    {
        var width = rows.Max(row => Math.Max(stored[row][0].Length, stored[row][1].Length));
        var values = new double[2 * rows.Length * width];
        for (var i = 0; i < rows.Length; i++)
        {
            stored[rows[i]][0].CopyTo(values, i * width);
            stored[rows[i]][1].CopyTo(values, (rows.Length + i) * width);
        }

        return tensor(values, [2 * rows.Length, width]).to(device);
    }
}
