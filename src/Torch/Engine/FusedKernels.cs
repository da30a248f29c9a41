using TorchSharp;
using TorchSharp.Dispatch;
using static TorchSharp.torch;

namespace Plumbline.Engine;

/// <summary>What this engine has beyond TorchSharp: the hot pieces of a transformer's step, one pass over memory each.</summary>
/// <remarks>
/// On the CPU in float32 they are written by hand, elsewhere composed of libtorch's operators; values agree to rounding.
/// They have first derivatives only. Nothing but <c>Plumbline.Training.Engine.Kernels</c> should call this class, so that
/// everything else compiles against the TorchSharp package too.
/// </remarks>
public static class FusedKernels
{
    private static readonly Op RmsNormOp = Op.Find("plumb::rms_norm");
    private static readonly Op QkvRotaryOp = Op.Find("plumb::qkv_rotary");
    private static readonly Op SwiGluOp = Op.Find("plumb::swiglu");
    private static readonly Op SelectedLogpsOp = Op.Find("plumb::selected_logps");
    private static readonly Op CausalAttentionOp = Op.Find("plumb::causal_attention");
    private static readonly Op PackedAttentionOp = Op.Find("plumb::packed_attention");
    private static readonly Op DecodeAttentionOp = Op.Find("plumb::decode_attention");
    private static readonly Op LinearRowsOp = Op.Find("plumb::linear_rows");
    private static readonly Op SampleRowsOp = Op.Find("plumb::sample_rows");
    private static readonly Op AdamWOp = Op.Find("plumb::adamw_");

    /// <summary>Rows of a table, with a gradient that is summed row by row.</summary>
    /// <param name="tokens">Int64, any shape.</param>
    /// <param name="table">[V,D].</param>
    /// <returns>The shape of tokens, and D.</returns>
    public static Tensor Embed(Tensor tokens, Tensor table) => nn.functional.Embed(tokens, table, padding: -1);

    /// <summary>x / √(mean(x²) + eps) · weight over the last dimension.</summary>
    /// <param name="x">[...,D].</param>
    /// <param name="weight">[D].</param>
    /// <param name="eps">Added to the mean square.</param>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double eps) => RmsNormOp.Call(x, weight, eps);

    /// <summary>Splits a joint projection into queries, keys and values, and rotates queries and keys to positions 0 … T-1.</summary>
    /// <param name="qkv">[N,T,(H+2K)·D].</param>
    /// <param name="heads">H.</param>
    /// <param name="kvHeads">K.</param>
    /// <param name="cos">[≥T,D/2].</param>
    /// <param name="sin">[≥T,D/2].</param>
    /// <returns>q [N,H,T,D], k [N,K,T,D], v [N,K,T,D].</returns>
    public static (Tensor Q, Tensor K, Tensor V) QkvRotary(Tensor qkv, long heads, long kvHeads, Tensor cos, Tensor sin)
    {
        var all = QkvRotaryOp.CallMany(qkv, heads, kvHeads, cos, sin);
        return (all[0], all[1], all[2]);
    }

    /// <summary>silu(gate) · up.</summary>
    /// <param name="gateUp">[...,2F], the gate first.</param>
    /// <returns>[...,F].</returns>
    public static Tensor SwiGlu(Tensor gateUp) => SwiGluOp.Call(gateUp);

    /// <summary>Log-probabilities of chosen tokens and entropies of the distributions, without a second [M,V].</summary>
    /// <param name="logits">[M,V].</param>
    /// <param name="tokens">[M] int64.</param>
    /// <returns>[M] and [M], nats; both carry gradients.</returns>
    public static (Tensor Logps, Tensor Entropies) SelectedLogps(Tensor logits, Tensor tokens)
    {
        var both = SelectedLogpsOp.CallMany(logits, tokens);
        return (both[0], both[1]);
    }

    /// <summary>softmax(q kᵀ / √D) v where a position sees itself and those before it.</summary>
    /// <param name="q">[N,H,T,D].</param>
    /// <param name="k">[N,K,T,D]; K divides H.</param>
    /// <param name="v">[N,K,T,D].</param>
    /// <returns>[N,T,H·D].</returns>
    public static Tensor CausalAttention(Tensor q, Tensor k, Tensor v) => CausalAttentionOp.Call(q, k, v);

    /// <summary>Whether <see cref="PackedAttention"/> and <see cref="DecodeAttention"/> take a tensor.</summary>
    public static bool ByHand(Tensor x) => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU;

    /// <summary>softmax(q kᵀ / √D) v over a row of groups, each a prefix and the suffixes that share it: a token of a suffix sees the whole prefix, and its own suffix up to itself.</summary>
    /// <param name="q">[H,M,D] float32 on the CPU.</param>
    /// <param name="k">[K,M,D]; K divides H.</param>
    /// <param name="v">[K,M,D].</param>
    /// <param name="prefixes">Tokens of each group's prefix, at least 1.</param>
    /// <param name="counts">Suffixes of each group.</param>
    /// <param name="suffixes">Tokens of each suffix, group after group; M tokens in all.</param>
    /// <returns>[M,H·D].</returns>
    public static Tensor PackedAttention(Tensor q, Tensor k, Tensor v, long[] prefixes, long[] counts, long[] suffixes) =>
        PackedAttentionOp.Call(q, k, v, prefixes, counts, suffixes);

    /// <summary>One new token a row: rotates it to its position, appends it to the row's cache, attends over all the row has read. Records nothing.</summary>
    /// <param name="qkv">[N,(H+2K)·D] float32 on the CPU.</param>
    /// <param name="kCache">[N,K,C,D]; written at each row's length.</param>
    /// <param name="vCache">[N,K,C,D]; written at each row's length.</param>
    /// <param name="lengths">[N] int64, tokens read before, below C.</param>
    /// <param name="cos">[≥C,D/2].</param>
    /// <param name="sin">[≥C,D/2].</param>
    /// <param name="heads">H.</param>
    /// <returns>[N,H·D].</returns>
    public static Tensor DecodeAttention(Tensor qkv, Tensor kCache, Tensor vCache, Tensor lengths, Tensor cos, Tensor sin, long heads) =>
        DecodeAttentionOp.Call(qkv, kCache, vCache, lengths, cos, sin, heads);

    /// <summary>x weightᵀ for the few rows of a decoding step; the weights are not packed anew each time. With a gradient to record, libtorch's own.</summary>
    /// <param name="x">[M,K].</param>
    /// <param name="weight">[N,K].</param>
    /// <returns>[M,N].</returns>
    public static Tensor LinearRows(Tensor x, Tensor weight) => LinearRowsOp.Call(x, weight);

    /// <summary>Draws a token a row by inverting the cumulative distribution at a given uniform number; each row is read alone.</summary>
    /// <param name="logits">[N,V].</param>
    /// <param name="uniforms">[N] float64 in [0, 1).</param>
    /// <param name="temperature">Divides the logits; 0 takes the likeliest token.</param>
    /// <param name="topK">Keeps the so many likeliest; 0 keeps all.</param>
    /// <param name="topP">Keeps the likeliest that hold this share of the probability; 1 keeps all.</param>
    /// <returns>Tokens [N] int64, and their log-probabilities [N] float32 at the temperature (at 1 where it is 0), before top-k and top-p.</returns>
    public static (Tensor Tokens, Tensor Logps) SampleRows(Tensor logits, Tensor uniforms, double temperature, long topK, double topP)
    {
        var both = SampleRowsOp.CallMany(logits, uniforms, temperature, topK, topP);
        return (both[0], both[1]);
    }

    /// <summary>Whether <see cref="AdamWStep"/> takes these tensors: float32, on the CPU, contiguous.</summary>
    internal static bool CanFuse(IEnumerable<Tensor> tensors) =>
        tensors.All(tensor => tensor.Facts is { Dtype: (int)ScalarType.Float32, DeviceType: 0, IsContiguous: not 0, IsSparse: 0 });

    /// <summary>One Adam update of many tensors, in place.</summary>
    internal static void AdamWStep(
        Tensor[] parameters, Tensor[] gradients, Tensor[] means, Tensor[] squares, long steps, double lr, double beta1, double beta2, double eps, double decay, bool decoupled) =>
        AdamWOp.Run(Arg.List(parameters), Arg.List(gradients), Arg.List(means), Arg.List(squares), steps, lr, beta1, beta2, eps, decay, decoupled);
}
