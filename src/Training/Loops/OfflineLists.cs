using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>offline-lists</c>.</summary>
public sealed record OfflineListsOptions : TextTrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<ListObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<ListObjective>> Terms { get; init; } = [];

    /// <summary>Lists a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <summary>How the items of a list meet the model.</summary>
    public ListLayout Layout { get; init; } = ListLayout.InContext;

    /// <summary>What stands between two items in context; it belongs to none.</summary>
    public string Separator { get; init; } = "\n";

    /// <summary>Each epoch in an order of its own; false: in the order of the data.</summary>
    public bool Shuffle { get; init; } = true;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        // Separate items are sequences too; how many, only the data knows.
        TrainedSequences = BatchSize,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Learns from stored lists of items with relevance and rank.</summary>
/// <remarks>
/// Rows have <c>prompt</c> and <c>items</c>, a list of <c>{ "text", "relevance", "rank" }</c>: relevance is 0 where absent, rank the item's place.
/// Another number of the items is a list column for an objective that declares one. The reference is the policy as it was when the stage began.
/// </remarks>
[Loop(Loop.OfflineLists)]
public sealed class OfflineLists(OfflineListsOptions options, StageContext stage) : ILoop
{
    private const Needs Given = Needs.Reference | Needs.Entropies | Needs.Logits;

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var rows = options.Rows(stage, cancel);
        var lists = new ItemListBuilder(policy, options.Layout, options.Separator, options.MaxLength, options.Overlong).Build(rows, stage.Log);
        var order = new EpochOrder(lists.Count, stage.Draws.Key("order"), options.Shuffle);
        policy.Network.train();
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters());
        if ((learner.Needs & ~Given) is not Needs.None and var missing)
        {
            throw new PlumblineException($"objective '{options.Objective.Id}' needs {missing}, which the loop offline-lists does not compute");
        }

        var reference = learner.Needs.HasFlag(Needs.Reference) ? ReferencePolicy.Freeze(stage) : null;
        var scorer = new ListScorer(policy, reference, learner.Needs);
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            ItemList[] chosen = [.. order.Take((long)step * options.BatchSize, options.BatchSize).Select(row => lists[row])];
            var batch = scorer.Score(chosen);
            Examples.AddTo(batch, [.. chosen.Select(list => list.Example)], learner.Columns, batch.PolicyItemLogps.device, batch.PolicyItemLogps.dtype);
            var metrics = new Dictionary<string, double>();
            learner.Update(batch, step, metrics, chosen.Length);
            // A ranking loss can fall while every item falls: show them.
            Tell(metrics, "relevant_logps", batch.PolicyItemLogps, batch.ItemMask.logical_and(batch.Relevance.gt(0)));
            Tell(metrics, "other_logps", batch.PolicyItemLogps, batch.ItemMask.logical_and(batch.Relevance.gt(0).logical_not()));
            return new(metrics, chosen.Sum(list => list.Sequences.Sum(sequence => sequence.Length)));
        }
    }

    private static void Tell(Dictionary<string, double> metrics, string name, Tensor logps, Tensor items)
    {
        if (items.any().ToBoolean())
        {
            metrics[name] = Masked.Mean(logps.detach(), Masked.Indicator(items, logps)).ToDouble();
        }
    }
}
