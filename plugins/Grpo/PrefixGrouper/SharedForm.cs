using Plumbline.Training;
using Plumbline.Training.Engine;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PrefixGrouper;

/// <summary>The paper's shared form on one packed row (a prefix of P tokens, then suffixes 1 … G), from the pieces that the scorer uses.</summary>
public static class SharedForm
{
    /// <summary>Where the tokens lie: position_ids, segment_ids [n]; attention_mask [n,n] bool, true = may see; logit_index [G,max S], -1 where a suffix has no token.</summary>
    /// <param name="prefixLength">P.</param>
    /// <param name="suffixLengths">S of each suffix.</param>
    [Target("prefix-grouper/layout")]
    public static Outputs Layout(int prefixLength, int[] suffixLengths)
    {
        var layout = Of(prefixLength, suffixLengths);
        var segments = tensor(layout.Segments);
        return new Outputs
        {
            ["position_ids"] = tensor(layout.Positions),
            ["segment_ids"] = segments,
            ["attention_mask"] = segments.eq(-1).unsqueeze(0).logical_or(segments.unsqueeze(0).eq(segments.unsqueeze(1))).tril(0),
            ["logit_index"] = LogitIndex(layout),
        };
    }

    /// <summary>What both forms cost: baseline_pairs, shared_pairs, baseline_tokens, shared_tokens, attention_ratio, token_ratio.</summary>
    /// <param name="prefixLength">P.</param>
    /// <param name="suffixLengths">S of each suffix.</param>
    [Target("prefix-grouper/cost")]
    public static Outputs Cost(int prefixLength, int[] suffixLengths)
    {
        var cost = SharedPrefixCost.Of(Of(prefixLength, suffixLengths).Groups);
        return new Outputs
        {
            ["baseline_pairs"] = cost.BaselinePairs,
            ["shared_pairs"] = cost.SharedPairs,
            ["baseline_tokens"] = cost.BaselineTokens,
            ["shared_tokens"] = cost.SharedTokens,
            ["attention_ratio"] = cost.BaselinePairs / (double)cost.SharedPairs,
            ["token_ratio"] = cost.BaselineTokens / (double)cost.SharedTokens,
        };
    }

    /// <summary>Prefix self-attention, and suffix attention over (prefix + own suffix): output [n,d]; loss, the sum of output times weights.</summary>
    /// <param name="prefixLength">P.</param>
    /// <param name="suffixLengths">S of each suffix.</param>
    /// <param name="q">[n,d] packed.</param>
    /// <param name="k">[n,d] packed.</param>
    /// <param name="v">[n,d] packed.</param>
    /// <param name="weights">[n,d]; null: ones.</param>
    /// <param name="options">Heads.</param>
    [Target("prefix-grouper/attention")]
    public static Loss Attention(int prefixLength, int[] suffixLengths, Tensor q, Tensor k, Tensor v, SharedAttentionOptions options, Tensor? weights = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var layout = Of(prefixLength, suffixLengths);
        RequireRows(layout, ("q", q), ("k", k), ("v", v));
        new Batch().With("q", q).With("k", k).With("v", v).With("weights", weights).RequireSameShape("q", "k", "v", "weights");
        var output = Attend(layout, q, k, v, options.Heads);
        return new Loss((weights is null ? output : output * weights).sum()) { ["output"] = output.detach() };
    }

    /// <summary>A transformer of one layer without norms, and a policy gradient on it: logps [G,max S], 0 where there is no token; loss = -(1/G) Σ A mean logps.</summary>
    /// <param name="prefixLength">P.</param>
    /// <param name="suffixLengths">S of each suffix.</param>
    /// <param name="tokens">[n] int64 packed.</param>
    /// <param name="advantages">[G].</param>
    /// <param name="embedding">[V,D].</param>
    /// <param name="positions">[P + max S or more, D].</param>
    /// <param name="wq">[D,D].</param>
    /// <param name="wk">[D,D].</param>
    /// <param name="wv">[D,D].</param>
    /// <param name="wo">[D,D].</param>
    /// <param name="wu">[D,V].</param>
    [Target("prefix-grouper/layer")]
    public static Loss Layer(
        int prefixLength, int[] suffixLengths, Tensor tokens, Tensor advantages, Tensor embedding, Tensor positions, Tensor wq, Tensor wk, Tensor wv, Tensor wo, Tensor wu)
    {
        ArgumentNullException.ThrowIfNull(advantages);
        ArgumentNullException.ThrowIfNull(positions);
        var layout = Of(prefixLength, suffixLengths);
        RequireRows(layout, ("tokens", tokens));
        if (advantages.dim() != 1 || advantages.shape[0] != suffixLengths.Length)
        {
            throw new InvalidInputException($"'advantages' has the shape [{string.Join(',', advantages.shape)}], and there are {suffixLengths.Length} suffixes; it must have one entry each");
        }

        if (positions.shape[0] < prefixLength + suffixLengths.Max())
        {
            throw new InvalidInputException($"'positions' has {positions.shape[0]} rows, and the longest sequence has {prefixLength + suffixLengths.Max()} tokens");
        }

        var h = Kernels.Embed(tokens, embedding) + positions.index_select(0, tensor(layout.Positions));
        var a = h + Attend(layout, h.matmul(wq), h.matmul(wk), h.matmul(wv), heads: 1).matmul(wo);
        var index = LogitIndex(layout);
        var mask = Masked.Indicator(index.ge(0), a);
        var logits = a.index_select(0, index.clamp_min(0).flatten()).matmul(wu);
        var targets = tokens.index_select(0, tensor(Padded(layout, skip: 1)).clamp_min(0).flatten());
        var logps = Kernels.SelectedLogps(logits, targets).reshape(index.shape) * mask;
        return new Loss(-(advantages * Masked.RowMean(logps, mask)).mean()) { ["logps"] = logps.detach() };
    }

    private static Tensor Attend(PackedLayout layout, Tensor q, Tensor k, Tensor v, int heads)
    {
        if (q.shape[1] % heads != 0)
        {
            throw new InvalidInputException($"'heads' must divide the width; {heads} does not divide {q.shape[1]}");
        }

        Tensor Heads(Tensor x) => x.reshape(x.shape[0], heads, -1).transpose(0, 1);
        return Kernels.PackedAttention(Heads(q), Heads(k), Heads(v), layout.Groups);
    }

    /// <summary>The places whose states predict each suffix's tokens: the last prefix token, then all of the suffix but its last.</summary>
    private static Tensor LogitIndex(PackedLayout layout) => tensor(Padded(layout, skip: 0));

    /// <summary>[G,max S] of each suffix the places before its tokens, or (skip 1) those of its tokens; -1 where there is none.</summary>
    private static long[,] Padded(PackedLayout layout, int skip)
    {
        var suffixes = layout.Before[0];
        var padded = new long[suffixes.Length, suffixes.Max(places => places.Length) - 1];
        for (var g = 0; g < padded.GetLength(0); g++)
        {
            for (var t = 0; t < padded.GetLength(1); t++)
            {
                padded[g, t] = t < suffixes[g].Length - 1 ? suffixes[g][t + skip] : -1;
            }
        }

        return padded;
    }

    private static PackedLayout Of(int prefixLength, int[] suffixLengths)
    {
        ArgumentNullException.ThrowIfNull(suffixLengths);
        return prefixLength < 1 ? throw new InvalidInputException($"'prefix_length' must be at least 1, and is {prefixLength}")
            : suffixLengths.Length == 0 || suffixLengths.Min() < 1 ? throw new InvalidInputException($"'suffix_lengths' must name suffixes of at least 1 token, and is [{string.Join(',', suffixLengths)}]")
            : new PackedLayout(new PackedGroup(prefixLength, suffixLengths));
    }

    private static void RequireRows(PackedLayout layout, params ReadOnlySpan<(string Name, Tensor Value)> inputs)
    {
        foreach (var (name, value) in inputs)
        {
            if (value.shape[0] != layout.Length)
            {
                throw new InvalidInputException($"'{name}' has {value.shape[0]} rows, and prefix and suffixes have {layout.Length} tokens in all");
            }
        }
    }
}
