using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Items of a list from the tokens that spell them.</summary>
public static class ListItems
{
    /// <summary>The log-probability of each item, the sum over its tokens.</summary>
    /// <param name="logps">[G,T].</param>
    /// <param name="itemIds">[G,T] int64: each token's item, -1 where it belongs to none.</param>
    /// <param name="count">n, items of a list at most.</param>
    /// <param name="average">Divide by the number of the item's tokens.</param>
    /// <returns>[G,n], 0 for an item without tokens; and [G,n] bool, whether it has any.</returns>
    /// <exception cref="InvalidInputException">Shapes differ, or an id is out of range; the message holds <c>item_ids</c>.</exception>
    public static (Tensor Logps, Tensor Mask) Logps(Tensor logps, Tensor itemIds, int count, bool average = false)
    {
        new Batch().With("logps", logps).With("item_ids", itemIds).RequireSameShape("logps", "item_ids");
        if (itemIds.numel() > 0 && (itemIds.min().ToDouble() < -1 || itemIds.max().ToDouble() >= count))
        {
            throw new InvalidInputException($"the 'item_ids' must be from 0 to {count - 1}, one less than the items, or -1 for a token of no item");
        }

        var spells = Masked.Indicator(itemIds.unsqueeze(1).eq(arange(count, dtype: ScalarType.Int64, device: itemIds.device).reshape(1, -1, 1)), logps);
        var (tokens, values) = (spells.sum(2), logps.unsqueeze(1));
        return (average ? Masked.RowMean(values, spells) : Masked.RowSum(values, spells), tokens.gt(0));
    }
}
