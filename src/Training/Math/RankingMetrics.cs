using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>How well scores rank the items of lists by relevance.</summary>
public static class RankingMetrics
{
    /// <summary>Each list's metrics over its items in the order of their scores, ties by index.</summary>
    /// <param name="scores">[G,n].</param>
    /// <param name="relevance">[G,n] graded, 0 for not relevant.</param>
    /// <param name="itemMask">[G,n] bool, false where a list has no such item.</param>
    /// <param name="topK">The places that count, from 1.</param>
    /// <returns>
    /// [G] each. Ndcg: Σ (2^relevance - 1)/log2(place + 1) over the top, over the same in the best order; 0 where nothing is relevant.
    /// Mrr: 1/place of the first relevant item, wherever it is; 0 without one. Recall: the share of relevant items within the top; 0 without one.
    /// </returns>
    /// <exception cref="InvalidInputException">Shapes differ.</exception>
    public static (Tensor Ndcg, Tensor Mrr, Tensor Recall) Of(Tensor scores, Tensor relevance, Tensor itemMask, int topK)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(topK);
        new Batch().With("scores", scores).With("relevance", relevance).With("item_mask", itemMask).RequireSameShape("scores", "relevance", "item_mask");
        var (places, best) = (Places(scores, itemMask), Places(relevance, itemMask));
        var relevant = Masked.Indicator(relevance.gt(0).logical_and(itemMask), scores);
        var gain = where(itemMask, Gain(relevance), zeros_like(relevance));
        var ideal = Dcg(best);
        var count = relevant.sum(1);
        return (
            where(ideal.gt(0), Dcg(places) / ideal, zeros_like(ideal)),
            (relevant / places).amax([1]),
            (relevant * Top(places)).sum(1) / count.clamp_min(1));

        Tensor Top(Tensor places) => Masked.Indicator(places.le(topK), scores);

        Tensor Dcg(Tensor places) => (Top(places) * gain / (places + 1).log2()).sum(1);
    }

    /// <summary>2^relevance - 1.</summary>
    /// <param name="relevance">Any shape.</param>
    /// <returns>The same shape.</returns>
    public static Tensor Gain(Tensor relevance)
    {
        ArgumentNullException.ThrowIfNull(relevance);
        return full_like(relevance, 2).pow(relevance) - 1;
    }

    /// <summary>Each item's place, from 1: one more than the items of its list with a higher score, or an equal one and a lower index.</summary>
    /// <param name="scores">[G,n].</param>
    /// <param name="itemMask">[G,n] bool; the place of an item that isn't there means nothing.</param>
    /// <returns>[G,n] in the dtype of the scores.</returns>
    public static Tensor Places(Tensor scores, Tensor itemMask)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(itemMask);
        var (mine, others) = (scores.unsqueeze(2), scores.unsqueeze(1));
        var index = arange(scores.shape[1], device: scores.device);
        var earlier = index.unsqueeze(0).lt(index.unsqueeze(1)).unsqueeze(0);
        var ahead = others.gt(mine).logical_or(others.eq(mine).logical_and(earlier)).logical_and(itemMask.unsqueeze(1));
        return Masked.Indicator(ahead, scores).sum(2) + 1;
    }
}
