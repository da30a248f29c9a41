using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Which rows belong together, and sums over them. Ids need not be sorted; groups may be interleaved and of unequal size.</summary>
public sealed class Groups
{
    /// <summary>The groups of a batch.</summary>
    /// <param name="ids">[N] int; rows of one group share an id.</param>
    public Groups(Tensor ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var (unique, inverse, _) = ids.unique(sorted: true, return_inverse: true);
        (Ids, Index) = (unique, inverse!);
    }

    /// <summary>[G] the ids, ascending: the order of every result with one entry a group.</summary>
    public Tensor Ids { get; }

    /// <summary>[N] int64: each row's place in <see cref="Ids"/>.</summary>
    public Tensor Index { get; }

    /// <summary>G.</summary>
    public long Count => Ids.shape[0];

    /// <summary>[G,N] bool: which rows a group has.</summary>
    public Tensor Members => arange(Count, device: Index.device).unsqueeze(1).eq(Index.unsqueeze(0));

    /// <summary>The sum of each group.</summary>
    /// <param name="rows">[N,...].</param>
    /// <returns>[G,...].</returns>
    public Tensor Sum(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return zeros([Count, .. rows.shape[1..]], rows.dtype, rows.device).index_add(0, Index, rows, 1);
    }

    /// <summary>One entry a group to one entry a row.</summary>
    /// <param name="groups">[G,...].</param>
    /// <returns>[N,...].</returns>
    public Tensor Spread(Tensor groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        return groups.index_select(0, Index);
    }

    /// <summary>log Σ exp over each group.</summary>
    /// <param name="rows">[N].</param>
    /// <returns>[G].</returns>
    public Tensor LogSumExp(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return rows.unsqueeze(0).masked_fill(Members.logical_not(), double.NegativeInfinity).logsumexp(1);
    }

    /// <summary>Mean and standard deviation of each group; 0 for the deviation where a group has no more than <paramref name="ddof"/> rows.</summary>
    /// <param name="values">[N] or [N,K].</param>
    /// <param name="weights">1 where a value counts, else 0; of the same shape.</param>
    /// <param name="ddof">The squares are divided by n minus this: 0 or 1.</param>
    /// <returns>[G] or [G,K] each: mean, deviation, and n.</returns>
    public (Tensor Mean, Tensor Std, Tensor Size) Statistics(Tensor values, Tensor weights, int ddof)
    {
        var size = Sum(weights);
        var mean = Sum(values * weights) / size.clamp_min(1);
        var squares = Sum((values - Spread(mean)).square() * weights);
        return (mean, (squares / (size - ddof).clamp_min(1)).sqrt(), size);
    }

    /// <summary>Mean and standard deviation of each row's own group.</summary>
    /// <param name="values">[N] or [N,K].</param>
    /// <param name="weights">1 where a value counts, else 0; of the same shape.</param>
    /// <param name="ddof">The squares are divided by n minus this: 0 or 1.</param>
    /// <param name="singleton">What a group with one value that counts has.</param>
    /// <returns>[N] or [N,K] each.</returns>
    public (Tensor Mean, Tensor Std) RowStatistics(Tensor values, Tensor weights, int ddof, SingletonRule singleton = SingletonRule.Zero)
    {
        var (mean, std, size) = Statistics(values, weights, ddof);
        if (singleton == SingletonRule.Raw)
        {
            var single = size.eq(1);
            (mean, std) = (mean.masked_fill(single, 0), std.masked_fill(single, 1));
        }

        return (Spread(mean), Spread(std));
    }

    /// <summary>(v - mean)/(std + ε) within each group.</summary>
    /// <param name="values">[N].</param>
    /// <param name="ddof">The squares are divided by n minus this: 0 or 1.</param>
    /// <param name="stdEpsilon">ε.</param>
    /// <param name="singleton">What becomes of a group of one.</param>
    /// <returns>[N].</returns>
    public Tensor Normalize(Tensor values, int ddof, double stdEpsilon, SingletonRule singleton = SingletonRule.Zero)
    {
        var (mean, std) = RowStatistics(values, ones_like(values), ddof, singleton);
        return (values - mean) / (std + stdEpsilon);
    }

    /// <summary>v less its group's mean.</summary>
    /// <param name="values">[N].</param>
    /// <returns>[N].</returns>
    public Tensor Centre(Tensor values) => values - RowStatistics(values, ones_like(values), 0).Mean;

    /// <summary>Each row's place in its group by ascending value, from 0; of equal values the earlier row comes first.</summary>
    /// <param name="values">[N].</param>
    /// <returns>[N] int64.</returns>
    public Tensor Rank(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        // The groups are taken apart by a second, stable sort; a place less the group's first one is the rank.
        var byValue = values.sort(0, stable: true).Indices;
        var order = byValue.index_select(0, Index.index_select(0, byValue).sort(0, stable: true).Indices);
        var size = Sum(ones_like(Index));
        var place = zeros_like(order).scatter(0, order, arange(order.shape[0], ScalarType.Int64, order.device));
        return place - Spread(size.cumsum(0) - size);
    }
}
