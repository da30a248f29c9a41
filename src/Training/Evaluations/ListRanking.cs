using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>list-ranking</c>.</summary>
public sealed record ListRankingOptions : EvaluationOptions
{
    /// <summary>How the items of a list meet the model.</summary>
    public ListLayout Layout { get; init; } = ListLayout.InContext;

    /// <summary>What stands between two items in context; it belongs to none.</summary>
    public string Separator { get; init; } = "\n";

    /// <summary>The places that count for NDCG and recall.</summary>
    [Positive]
    public int TopK { get; init; } = 5;

    /// <summary>Longest sequence in tokens; null: the model's context.</summary>
    [Positive]
    public int? MaxLength { get; init; }

    /// <summary>What to do with a list longer than that.</summary>
    public OverlongPolicy Overlong { get; init; } = OverlongPolicy.Refuse;
}

/// <summary>How well the policy's log-probabilities rank the items of held-out lists by relevance: ndcg, mrr, recall; means over the lists with a relevant item.</summary>
[Evaluation("list-ranking")]
public sealed class ListRanking(ListRankingOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var lists = new ItemListBuilder(stage.Policy, options.Layout, options.Separator, options.MaxLength, options.Overlong).Build(options.Examples(stage), stage.Log);
        if (lists.RemoveAll(list => !list.Relevance.Any(relevance => relevance > 0)) > 0 && lists.Count == 0)
        {
            throw new PlumblineException($"no list of data '{options.Data.Id}' has an item with a relevance above 0, so there is no right order to compare with");
        }

        var scorer = new ListScorer(stage.Policy, reference: null);
        stage.Policy.Network.eval();
        var (ndcg, mrr, recall) = (0.0, 0.0, 0.0);
        using var still = no_grad();
        foreach (var chunk in lists.Chunk(options.BatchSize))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            stage.Recorder.InHand("evaluation list-ranking", "evaluating");
            var batch = scorer.Score(chunk);
            var metrics = RankingMetrics.Of(batch.PolicyItemLogps, batch.Relevance, batch.ItemMask, options.TopK);
            ndcg += metrics.Ndcg.sum().ToDouble();
            mrr += metrics.Mrr.sum().ToDouble();
            recall += metrics.Recall.sum().ToDouble();
        }

        var prefix = options.Name is { } name ? name + "_" : "";
        return new Dictionary<string, double> { [prefix + "ndcg"] = ndcg / lists.Count, [prefix + "mrr"] = mrr / lists.Count, [prefix + "recall"] = recall / lists.Count };
    }
}
