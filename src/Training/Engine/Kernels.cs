using TorchSharp;
using static TorchSharp.torch;
#if LIBTORCH_ENGINE
using Plumbline.Engine;
#endif

namespace Plumbline.Training.Engine;

/// <summary>The hot pieces of a transformer's step: fused where the engine has them, else composed of plain tensor operators.</summary>
/// <remarks>Both ways give the same values and gradients to rounding. <c>PLUMB_FUSED=0</c> in the environment takes the plain way throughout.</remarks>
public static class Kernels
{
    private static readonly AsyncLocal<bool> Plainly = new();
    private static readonly bool Off = Environment.GetEnvironmentVariable("PLUMB_FUSED") == "0";

    /// <summary>Whether fused kernels are in use here.</summary>
    public static bool Fused =>
#if LIBTORCH_ENGINE
        !Off && !Plainly.Value;
#else
        false;
#endif

    /// <summary>Whether packed attention over tensors like this one is a fused kernel here.</summary>
    public static bool FusesPacked(Tensor like)
    {
#if LIBTORCH_ENGINE
        return Fused && FusedKernels.ByHand(like);
#else
        return false;
#endif
    }

    /// <summary>Takes the plain way until the result is disposed of; for tests that compare both.</summary>
    public static IDisposable Plain()
    {
        var before = Plainly.Value;
        Plainly.Value = true;
        return new Restore(before);
    }

    /// <summary>Rows of a table.</summary>
    /// <param name="tokens">Int64, any shape.</param>
    /// <param name="table">[V,D].</param>
    /// <returns>The shape of tokens, and D.</returns>
    public static Tensor Embed(Tensor tokens, Tensor table)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.Embed(tokens, table);
        }
#endif
        return table.index_select(0, tokens.reshape(-1)).reshape([.. tokens.shape, table.shape[1]]);
    }

    /// <summary>x / √(mean(x²) + eps) · weight over the last dimension (arXiv 1910.07467).</summary>
    /// <param name="x">[...,D].</param>
    /// <param name="weight">[D].</param>
    /// <param name="eps">Added to the mean square.</param>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double eps)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.RmsNorm(x, weight, eps);
        }
#endif
        return x * (x.pow(2).mean([-1L], true) + eps).rsqrt() * weight;
    }

    /// <summary>Splits a joint projection into queries, keys and values; queries and keys are rotated to positions 0 … T-1 (arXiv 2104.09864).</summary>
    /// <param name="qkv">[N,T,(H+2K)·D].</param>
    /// <param name="heads">H.</param>
    /// <param name="kvHeads">K.</param>
    /// <param name="cos">[≥T,D/2].</param>
    /// <param name="sin">[≥T,D/2].</param>
    /// <returns>q [N,H,T,D], k [N,K,T,D], v [N,K,T,D].</returns>
    public static (Tensor Q, Tensor K, Tensor V) QkvRotary(Tensor qkv, int heads, int kvHeads, Tensor cos, Tensor sin)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.QkvRotary(qkv, heads, kvHeads, cos, sin);
        }
#endif
        var (n, t) = (qkv.shape[0], qkv.shape[1]);
        var all = qkv.reshape(n, t, heads + (2 * kvHeads), -1).transpose(1, 2);
        var (c, s) = (cos.narrow(0, 0, t), sin.narrow(0, 0, t));
        return (Rotate(all.narrow(1, 0, heads), c, s), Rotate(all.narrow(1, heads, kvHeads), c, s), all.narrow(1, heads + kvHeads, kvHeads));
    }

    /// <summary>Rotates the two halves of the last dimension against each other.</summary>
    /// <param name="x">[...,D].</param>
    /// <param name="cos">[...,D/2], broadcast.</param>
    /// <param name="sin">[...,D/2], broadcast.</param>
    public static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.chunk(2, -1);
        return cat([(half[0] * cos) - (half[1] * sin), (half[1] * cos) + (half[0] * sin)], -1);
    }

    /// <summary>silu(gate) · up (arXiv 2002.05202).</summary>
    /// <param name="gateUp">[...,2F], the gate first.</param>
    /// <returns>[...,F].</returns>
    public static Tensor SwiGlu(Tensor gateUp)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.SwiGlu(gateUp);
        }
#endif
        var half = gateUp.chunk(2, -1);
        return nn.functional.silu(half[0]) * half[1];
    }

    /// <summary>softmax(q kᵀ / √D) v where a position sees itself and those before it.</summary>
    /// <param name="q">[N,H,T,D].</param>
    /// <param name="k">[N,K,T,D]; K divides H, a key head serves H/K query heads.</param>
    /// <param name="v">[N,K,T,D].</param>
    /// <returns>[N,T,H·D].</returns>
    public static Tensor CausalAttention(Tensor q, Tensor k, Tensor v)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.CausalAttention(q, k, v);
        }
#endif
        var (n, h, t, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3]);
        var shared = h / k.shape[1];
        if (shared > 1)
        {
            (k, v) = (k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1));
        }

        var later = ones([t, t], ScalarType.Bool, q.device).triu(1);
        var scores = (q.matmul(k.transpose(-2, -1)) / Math.Sqrt(d)).masked_fill(later, double.NegativeInfinity);
        return scores.softmax(-1).matmul(v).transpose(1, 2).reshape(n, t, h * d);
    }

    /// <summary>softmax(q kᵀ / √D) v over packed sequences: a token of a suffix sees the whole prefix of its group, and its own suffix up to itself.</summary>
    /// <param name="q">[H,M,D].</param>
    /// <param name="k">[K,M,D]; K divides H, a key head serves H/K query heads.</param>
    /// <param name="v">[K,M,D].</param>
    /// <param name="groups">How the row is divided; M tokens in all.</param>
    /// <returns>[M,H·D].</returns>
    public static Tensor PackedAttention(Tensor q, Tensor k, Tensor v, IReadOnlyList<PackedGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
#if LIBTORCH_ENGINE
        if (Fused && FusedKernels.ByHand(q))
        {
            return FusedKernels.PackedAttention(
                q, k, v,
                [.. groups.Select(group => (long)group.PrefixLength)],
                [.. groups.Select(group => (long)group.SuffixLengths.Count)],
                [.. groups.SelectMany(group => group.SuffixLengths).Select(length => (long)length)]);
        }
#endif
        return PaddedAttention(q, k, v, groups);
    }

    /// <summary>Packed attention by padding: prefixes to the longest, suffixes to the longest and the most. Prefix keys are not copied: all queries of a group meet them in one product.</summary>
    private static Tensor PaddedAttention(Tensor q, Tensor k, Tensor v, IReadOnlyList<PackedGroup> groups)
    {
        var (h, d, kvHeads, device) = (q.shape[0], q.shape[2], k.shape[0], q.device);
        var (rows, longest, count) = (groups.Count, groups.Max(group => group.PrefixLength), groups.Max(group => group.SuffixLengths.Count));
        var most = groups.Max(group => group.SuffixLengths.DefaultIfEmpty().Max());
        // Padding is a token that is there: its row is finite, no token that counts sees it, and nobody reads it.
        var (prefixes, suffixes, places) = (new long[rows * longest], new long[rows * count * most], new List<long>());
        for (int g = 0, start = 0; g < rows; start += groups[g++].Length)
        {
            var (prefix, lengths) = (groups[g].PrefixLength, groups[g].SuffixLengths);
            Pad(prefixes, g * longest, longest, start, prefix, 0);
            for (int i = 0, own = start + prefix; i < count; own += i < lengths.Count ? lengths[i] : 0, i++)
            {
                Pad(suffixes, ((g * count) + i) * most, most, own, i < lengths.Count ? lengths[i] : 0, prefixes.Length);
            }

            void Pad(long[] padded, int at, int width, int from, int length, int offset)
            {
                Array.Fill(padded, start, at, width);
                for (var t = 0; t < length; t++)
                {
                    padded[at + t] = from + t;
                    places.Add(offset + at + t);
                }
            }
        }

        var index = tensor(prefixes, device: device);
        Tensor Prefixes(Tensor x) => x.index_select(1, index).reshape(x.shape[0], rows, longest, d).transpose(0, 1);
        var (prefixKeys, prefixValues) = (Prefixes(k), Prefixes(v));
        var attended = CausalAttention(Prefixes(q), prefixKeys, prefixValues).reshape(-1, h * d);
        if (most > 0)
        {
            var own = tensor(suffixes, device: device);
            Tensor Suffixes(Tensor x) => x.index_select(1, own).reshape(kvHeads, -1, rows, count, most, d).permute(2, 0, 1, 3, 4, 5);
            (q, k, v) = (Suffixes(q), Suffixes(k), Suffixes(v));
            var later = ones([most, most], ScalarType.Bool, device).triu(1);
            var beyond = arange(longest, device: device).unsqueeze(0).ge(tensor(groups.Select(group => (long)group.PrefixLength).ToArray(), device: device).unsqueeze(1)).reshape(rows, 1, 1, 1, 1, longest);
            var scores = cat(
                [
                    q.reshape(rows, kvHeads, -1, d).matmul(prefixKeys.transpose(-2, -1)).reshape(rows, kvHeads, -1, count, most, longest).masked_fill(beyond, double.NegativeInfinity),
                    q.matmul(k.transpose(-2, -1)).masked_fill(later, double.NegativeInfinity),
                ], -1);
            var p = (scores / Math.Sqrt(d)).softmax(-1);
            var behind = p.narrow(-1, 0, longest).reshape(rows, kvHeads, -1, longest).matmul(prefixValues).reshape(q.shape) + p.narrow(-1, longest, most).matmul(v);
            attended = cat([attended, behind.permute(0, 3, 4, 1, 2, 5).reshape(-1, h * d)], 0);
        }

        return attended.index_select(0, tensor(places.ToArray(), device: device));
    }

    /// <summary>Log-probabilities of chosen tokens, nats.</summary>
    /// <param name="logits">[M,V].</param>
    /// <param name="tokens">[M] int64.</param>
    /// <returns>[M], float32 at least.</returns>
    public static Tensor SelectedLogps(Tensor logits, Tensor tokens)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.SelectedLogps(logits, tokens).Logps;
        }
#endif
        var wide = Wide(logits);
        return wide.gather(1, tokens.unsqueeze(1)).squeeze(1) - wide.logsumexp(1);
    }

    /// <summary>Log-probabilities of chosen tokens and entropies of the distributions, nats.</summary>
    /// <param name="logits">[M,V].</param>
    /// <param name="tokens">[M] int64.</param>
    /// <returns>[M] and [M]; both carry gradients.</returns>
    public static (Tensor Logps, Tensor Entropies) SelectedLogpsWithEntropies(Tensor logits, Tensor tokens)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.SelectedLogps(logits, tokens);
        }
#endif
        var logps = Wide(logits).log_softmax(-1);
        return (logps.gather(1, tokens.unsqueeze(1)).squeeze(1), -(logps.exp() * logps).sum(-1));
    }

    /// <summary>One new token a row: rotates it to its position, appends it to the row's cache, attends over all the row has read. Without gradient.</summary>
    /// <param name="qkv">[N,(H+2K)·D].</param>
    /// <param name="kCache">[N,K,C,D]; written at each row's length.</param>
    /// <param name="vCache">[N,K,C,D]; written at each row's length.</param>
    /// <param name="lengths">[N] int64, tokens read before, below C.</param>
    /// <param name="cos">[≥C,D/2].</param>
    /// <param name="sin">[≥C,D/2].</param>
    /// <param name="heads">H.</param>
    /// <returns>[N,H·D].</returns>
    public static Tensor DecodeAttention(Tensor qkv, Tensor kCache, Tensor vCache, Tensor lengths, Tensor cos, Tensor sin, int heads)
    {
#if LIBTORCH_ENGINE
        if (Fused && FusedKernels.ByHand(qkv))
        {
            return FusedKernels.DecodeAttention(qkv, kCache, vCache, lengths, cos, sin, heads);
        }
#endif
        var (n, kvHeads, capacity, d) = (qkv.shape[0], (int)kCache.shape[1], kCache.shape[2], kCache.shape[3]);
        var all = qkv.reshape(n, heads + (2 * kvHeads), d);
        var (c, s) = (cos.index_select(0, lengths).unsqueeze(1), sin.index_select(0, lengths).unsqueeze(1));
        var q = Rotate(all.narrow(1, 0, heads), c, s);
        var place = lengths.reshape(n, 1, 1, 1).expand(n, kvHeads, 1, d);
        kCache.scatter_(2, place, Rotate(all.narrow(1, heads, kvHeads), c, s).unsqueeze(2));
        vCache.scatter_(2, place, all.narrow(1, heads + kvHeads, kvHeads).unsqueeze(2).contiguous());
        var shared = heads / kvHeads;
        var (k, v) = shared == 1 ? (kCache, vCache) : (kCache.repeat_interleave(shared, 1), vCache.repeat_interleave(shared, 1));
        var unread = arange(capacity, device: qkv.device).unsqueeze(0).gt(lengths.unsqueeze(1)).reshape(n, 1, 1, capacity);
        var scores = (q.unsqueeze(2).matmul(k.transpose(-2, -1)) / Math.Sqrt(d)).masked_fill(unread, double.NegativeInfinity);
        return scores.softmax(-1).matmul(v).reshape(n, heads * d);
    }

    /// <summary>Several new tokens a row: rotates them to their places, writes them into the row's cache, attends over all the row has read up to each. Without gradient.</summary>
    /// <param name="qkv">[N,T,(H+2K)·D].</param>
    /// <param name="kCache">[N,K,C,D]; written at the places.</param>
    /// <param name="vCache">[N,K,C,D]; written at the places.</param>
    /// <param name="places">[N,T] int64, below C; one that comes twice in a row must be the same token.</param>
    /// <param name="cos">[≥C,D/2].</param>
    /// <param name="sin">[≥C,D/2].</param>
    /// <param name="heads">H.</param>
    /// <returns>[N,T,H·D].</returns>
    public static Tensor ExtendAttention(Tensor qkv, Tensor kCache, Tensor vCache, Tensor places, Tensor cos, Tensor sin, int heads)
    {
        ArgumentNullException.ThrowIfNull(qkv);
        ArgumentNullException.ThrowIfNull(kCache);
        ArgumentNullException.ThrowIfNull(vCache);
        ArgumentNullException.ThrowIfNull(places);
        var (n, t, kvHeads, d) = (qkv.shape[0], qkv.shape[1], (int)kCache.shape[1], kCache.shape[3]);
        var all = qkv.reshape(n, t, heads + (2 * kvHeads), d).transpose(1, 2);
        Tensor At(Tensor angles) => angles.index_select(0, places.reshape(-1)).reshape(n, 1, t, d / 2);
        var (c, s) = (At(cos), At(sin));
        var at = places.reshape(n, 1, t, 1).expand(n, kvHeads, t, d);
        kCache.scatter_(2, at, Rotate(all.narrow(1, heads, kvHeads), c, s));
        vCache.scatter_(2, at, all.narrow(1, heads + kvHeads, kvHeads).contiguous());
        var read = places.max().ToInt64() + 1;
        var (k, v) = (kCache.narrow(2, 0, read).unsqueeze(2), vCache.narrow(2, 0, read).unsqueeze(2));
        // A key head serves several query heads.
        var q = Rotate(all.narrow(1, 0, heads), c, s).reshape(n, kvHeads, heads / kvHeads, t, d);
        var later = arange(read, device: qkv.device).reshape(1, 1, 1, 1, read).gt(places.reshape(n, 1, 1, t, 1));
        var scores = (q.matmul(k.transpose(-2, -1)) / Math.Sqrt(d)).masked_fill(later, double.NegativeInfinity);
        return scores.softmax(-1).matmul(v).reshape(n, heads, t, d).transpose(1, 2).reshape(n, t, heads * d);
    }

    /// <summary>x weightᵀ for the few rows of a decoding step.</summary>
    /// <param name="x">[M,K].</param>
    /// <param name="weight">[N,K].</param>
    /// <returns>[M,N].</returns>
    public static Tensor LinearRows(Tensor x, Tensor weight)
    {
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.LinearRows(x, weight);
        }
#endif
        return nn.functional.linear(x, weight);
    }

    /// <summary>Draws a token a row by inverting the cumulative distribution at a given uniform number; each row is read alone.</summary>
    /// <param name="logits">[N,V].</param>
    /// <param name="uniforms">A number in [0, 1) for each row.</param>
    /// <param name="temperature">Divides the logits; 0 takes the likeliest token.</param>
    /// <param name="topK">Keeps the so many likeliest; 0 keeps all.</param>
    /// <param name="topP">Keeps the likeliest that hold this share of the probability; 1 keeps all.</param>
    /// <returns>Tokens [N] int64, and their log-probabilities [N] float32 at the temperature (at 1 where it is 0), before top-k and top-p.</returns>
    public static (Tensor Tokens, Tensor Logps) SampleRows(Tensor logits, double[] uniforms, double temperature, int topK, double topP)
    {
        var draws = tensor(uniforms);
#if LIBTORCH_ENGINE
        if (Fused)
        {
            return FusedKernels.SampleRows(logits, draws, temperature, topK, topP);
        }
#endif
        var logps = (logits.to_type(ScalarType.Float64).cpu() / (temperature > 0 ? temperature : 1)).log_softmax(-1);
        Tensor tokens;
        if (temperature <= 0)
        {
            tokens = logps.argmax(-1);
        }
        else
        {
            var p = logps.exp();
            var vocabulary = p.shape[1];
            if ((topK > 0 && topK < vocabulary) || topP < 1)
            {
                var (sorted, order) = p.sort(-1, descending: true, stable: true);
                if (topK > 0 && topK < vocabulary)
                {
                    sorted.narrow(1, topK, vocabulary - topK).zero_();
                }

                var before = sorted.cumsum(-1) - sorted;
                sorted = sorted.masked_fill(before.ge(sorted.sum(-1, true) * topP), 0.0);
                p = zeros_like(p).scatter(1, order, sorted);
            }

            var reached = p.cumsum(-1);
            var target = draws.unsqueeze(1) * reached.narrow(1, vocabulary - 1, 1);
            tokens = searchsorted(reached, target, right: true).clamp_max(vocabulary - 1).squeeze(1);
        }

        return (tokens.to(logits.device), logps.gather(1, tokens.unsqueeze(1)).squeeze(1).to_type(ScalarType.Float32));
    }

    /// <summary>The dtype of log-probabilities, rewards and values beside weights of a dtype: float32 at least.</summary>
    public static ScalarType WideType(ScalarType dtype) => dtype is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : dtype;

    private static Tensor Wide(Tensor logits) => logits.to_type(WideType(logits.dtype));

    private sealed class Restore(bool before) : IDisposable
    {
        public void Dispose() => Plainly.Value = before;
    }
}
