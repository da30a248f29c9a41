using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Lists of items to the batch that a list objective reads: one forward of the policy, and of the reference where there is one.</summary>
/// <remarks>
/// Beside what <see cref="ListBatch"/> names the batch has the tokens behind it, a row a sequence: policy_logps, reference_logps, mask [N,T], item_ids [N,T] int64
/// (-1 where no item), list_ids [N] int64. In context N is G.
/// </remarks>
internal sealed class ListScorer(ICausalModel policy, ICausalModel? reference, Needs needs = Needs.None)
{
    private readonly SequenceScorer _policy = new(policy);
    private readonly SequenceScorer? _reference = reference is null ? null : new SequenceScorer(reference);

    /// <summary>The batch of G lists.</summary>
    internal ListBatch Score(IReadOnlyList<ItemList> lists)
    {
        PromptedSequence[] sequences = [.. lists.SelectMany(list => list.Sequences)];
        var scored = _policy.Score(sequences, needs);
        var (device, dtype) = (scored.Logps.device, scored.Logps.dtype);
        var (width, most) = ((int)scored.Mask.shape[1], lists.Max(list => list.Relevance.Length));
        var ids = tensor(lists.SelectMany(list => list.ItemIds).SelectMany(row => Padded(row.Select(id => (long)id), width, -1)).ToArray(), [sequences.Length, width], device: device);
        var listIds = tensor(lists.SelectMany((list, g) => list.Sequences.Select(_ => (long)g)).ToArray(), device: device);
        var lengths = Items(list => list.Lengths, 0L);
        var batch = new ListBatch
        {
            ["policy_item_logps"] = OfItems(scored.Logps),
            ["item_mask"] = lengths.gt(0),
            ["item_lengths"] = lengths,
            ["relevance"] = Items(list => list.Relevance, 0.0).to_type(dtype),
            ["ranks"] = Items(list => list.Ranks, 0L),
            ["policy_logps"] = scored.Logps,
            ["mask"] = scored.Mask,
            ["item_ids"] = ids,
            ["list_ids"] = listIds,
        };
        batch.With("entropies", scored.Entropies).With("policy_logits", scored.Logits);
        if (_reference is not null)
        {
            using var still = no_grad();
            var frozen = _reference.Score(sequences).Logps;
            batch.With("reference_logps", frozen).With("reference_item_logps", OfItems(frozen));
        }

        return batch;

        // An item's tokens are all in one sequence, so the sum over a list's sequences is its one value.
        Tensor OfItems(Tensor logps) => zeros([lists.Count, most], dtype: logps.dtype, device: device).index_add(0, listIds, ListItems.Logps(logps, ids, most).Logps, 1);

        Tensor Items<T>(Func<ItemList, T[]> values, T pad)
            where T : unmanaged => Made(lists.SelectMany(list => Padded(values(list), most, pad)).ToArray()).reshape(lists.Count, most).to(device);
    }

    private static IEnumerable<T> Padded<T>(IEnumerable<T> values, int width, T pad)
    {
        T[] row = [.. values];
        return row.Concat(Enumerable.Repeat(pad, width - row.Length));
    }

    private static Tensor Made<T>(T[] values)
        where T : unmanaged => values switch { long[] whole => tensor(whole), double[] numbers => tensor(numbers), _ => throw new NotSupportedException(typeof(T).Name) };
}
