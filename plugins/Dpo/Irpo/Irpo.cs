using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Irpo;

/// <summary>IRPO: each item of a list in the model's context against all the others at once, weighted by gain and position as in NDCG.</summary>
/// <remarks>
/// In-context Ranking, not Iterative Reasoning Preference Optimization. Inputs: policy_item_logps, reference_item_logps, relevance [G,n], ranks [G,n] int64,
/// item_mask [G,n] bool. Outputs: loss; list_losses [G], item_margins (z), weights, item_rewards [G,n]. The loss is the mean over lists of two items or more
/// (the authors' code sums).
/// </remarks>
[Algorithm("irpo", Loop.OfflineLists, Paper = "2504.15477", Title = "In-context Ranking Preference Optimization")]
[Default("learning_rate", 1e-5)]
[Default("batch_size", 32)]
public sealed class Irpo(IrpoOptions options) : ListObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>loss_g = -1/n Σ_i w_i log σ(z_i), z_i = -log mean_{j≠i} exp(r_j - r_i), r = β log π/π_ref of the item.</summary>
    public override Loss Compute(ListBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Check(batch);
        var mask = batch.ItemMask;
        var nothing = zeros_like(batch.PolicyItemLogps);
        var rewards = options.Beta * where(mask, batch.PolicyItemLogps - batch.ReferenceItemLogps.detach(), nothing);
        var weights = where(mask, Weight(batch.Relevance.to_type(nothing.dtype), where(mask, batch.Ranks, ones_like(batch.Ranks)).to_type(nothing.dtype)), nothing);

        var items = Masked.Indicator(mask, nothing).sum(1);
        var usable = items.ge(2);
        var competitors = mask.unsqueeze(1).expand(-1, mask.shape[1], -1);
        if (!options.IncludeSelf)
        {
            competitors = competitors.logical_and(eye(mask.shape[1], dtype: ScalarType.Bool, device: mask.device).logical_not());
        }

        // [G,i,j]: r_j - r_i. True exclusion; the authors' code subtracts 100 β in the exponent.
        var lead = (rewards.unsqueeze(1) - rewards.unsqueeze(2)).masked_fill(competitors.logical_not(), double.NegativeInfinity).logsumexp(2);
        if (options.AverageCompetitors)
        {
            lead = lead - (options.IncludeSelf ? items : items - 1).log().unsqueeze(1);
        }

        var z = where(mask.logical_and(usable.unsqueeze(1)), -lead, nothing);
        var losses = where(usable, -(weights * nn.functional.logsigmoid(z)).sum(1) / items.clamp_min(1), zeros_like(items));
        return new Loss(losses.sum() / Masked.Indicator(usable, nothing).sum())
        {
            ["list_losses"] = losses.detach(),
            ["item_margins"] = z.detach(),
            ["weights"] = weights,
            ["item_rewards"] = rewards.detach(),
        };
    }

    private Tensor Weight(Tensor relevance, Tensor ranks) => options.Weighting switch
    {
        ItemWeighting.Discount => 1 / (1 + ranks).log2(),
        ItemWeighting.Gain => RankingMetrics.Gain(relevance) / ranks,
        _ => RankingMetrics.Gain(relevance) / (1 + ranks).log2(),
    };

    private static void Check(ListBatch batch)
    {
        batch.RequireSameShape("policy_item_logps", "reference_item_logps", "relevance", "ranks", "item_mask");
        var absent = batch.ItemMask.logical_not();
        if (batch.Relevance.masked_fill(absent, 0).min().ToDouble() < 0)
        {
            throw new InvalidInputException("a 'relevance' is negative; 0 is for items that are not marked");
        }

        if (batch.Ranks.masked_fill(absent, 1).min().ToDouble() < 1)
        {
            throw new InvalidInputException("one of the 'ranks' is below 1; the first place is 1");
        }

        if (batch.ItemMask.sum(1).max().ToDouble() < 2)
        {
            throw new InvalidInputException("by 'item_mask' no list of the batch has two items, so there is nothing to rank");
        }
    }

    /// <summary>Items of a list from the tokens that spell them: item_logps [G,n], 0 for an item without tokens; item_mask [G,n] bool.</summary>
    /// <param name="logps">[G,T].</param>
    /// <param name="itemIds">[G,T] int64: each token's item, -1 where it belongs to none.</param>
    /// <param name="itemCount">n.</param>
    /// <param name="options">Sum or mean.</param>
    [Target("irpo/item-logps")]
    public static Outputs ItemLogps(Tensor logps, Tensor itemIds, int itemCount, ItemLogpsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (items, mask) = ListItems.Logps(logps, itemIds, itemCount, options.Average);
        return new Outputs { ["item_logps"] = items, ["item_mask"] = mask };
    }

    /// <summary>ndcg, mrr, recall [G] of lists in the order of their scores; the evaluation <c>list-ranking</c> gives their means.</summary>
    /// <param name="scores">[G,n].</param>
    /// <param name="relevance">[G,n].</param>
    /// <param name="itemMask">[G,n] bool.</param>
    /// <param name="options">The places that count.</param>
    [Target("irpo/metrics")]
    public static Outputs Metrics(Tensor scores, Tensor relevance, Tensor itemMask, RankingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (ndcg, mrr, recall) = RankingMetrics.Of(scores, relevance, itemMask, options.TopK);
        return new Outputs { ["ndcg"] = ndcg, ["mrr"] = mrr, ["recall"] = recall };
    }
}
