using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SparsePo;

/// <summary>How much each token counts: masks [N,T], 0 or more.</summary>
public static class TokenMasks
{
    /// <summary>The learned mask, without dropout: token_mask [N,T]; with a readout also loss [] = Σ token_mask · readout.</summary>
    /// <param name="hiddenStates">[L,N,T,D] of the reference, at the positions that predict the tokens; constants.</param>
    /// <param name="layerWeights">[L,D].</param>
    /// <param name="layerBiases">[L].</param>
    /// <param name="mixer">[L].</param>
    /// <param name="normWeight">[D] of the layer norm.</param>
    /// <param name="normBias">[D] of the layer norm.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">The norm's epsilon.</param>
    /// <param name="readout">[N,T].</param>
    [Target("sparsepo/learned_mask")]
    public static Outputs Learned(
        Tensor hiddenStates, Tensor layerWeights, Tensor layerBiases, Tensor mixer, Tensor normWeight, Tensor normBias, Tensor mask, LearnedMaskOptions options, Tensor? readout = null)
    {
        ArgumentNullException.ThrowIfNull(hiddenStates);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("hidden_states", hiddenStates.select(0, 0).select(-1, 0)).With("mask", mask).RequireSameShape("hidden_states", "mask");
        var tokens = new MaskHead(layerWeights, layerBiases, mixer, normWeight, normBias).Mask(hiddenStates, mask, options.NormEpsilon);
        return readout is null ? new Outputs { ["token_mask"] = tokens } : new Loss((tokens * readout).sum()) { ["token_mask"] = tokens.detach() };
    }

    /// <summary>MaPO: activations to [0,1] over each row's response tokens, then the mean over the taps of a kind, then over kinds: token_mask.</summary>
    /// <param name="activations">[A,N,T] mean activation of each tap at the positions that predict the tokens; constants.</param>
    /// <param name="kindIds">[A] int; taps of one kind share an id.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <returns>[N,T]; all 1 at the tokens of a row without spread, which says nothing of them.</returns>
    [Target("sparsepo/activation_mask")]
    public static Tensor Activation(Tensor activations, Tensor kindIds, Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(activations);
        ArgumentNullException.ThrowIfNull(mask);
        new Batch().With("activations", activations.select(0, 0)).With("mask", mask).RequireSameShape("activations", "mask");
        var (values, outside) = (activations.detach(), mask.eq(0).unsqueeze(0));
        var low = values.masked_fill(outside, double.PositiveInfinity).amin([-1], keepdim: true);
        var spread = values.masked_fill(outside, double.NegativeInfinity).amax([-1], keepdim: true) - low;
        var scaled = where(spread.gt(0), (values - low) / spread, ones_like(values)).masked_fill(outside, 0);
        var kinds = new Groups(kindIds);
        return (kinds.Sum(scaled) / kinds.Sum(ones_like(scaled))).mean([0]);
    }

    /// <summary>The share of response tokens whose mask is exactly 0: sparsity, percent.</summary>
    /// <param name="tokenMask">[N,T].</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <returns>[N]; 0 for a row without tokens.</returns>
    [Target("sparsepo/sparsity")]
    public static Tensor Sparsity(Tensor tokenMask, Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(tokenMask);
        new Batch().With("token_mask", tokenMask).With("mask", mask).RequireSameShape("token_mask", "mask");
        return 100 * Masked.RowMean(Masked.Indicator(tokenMask.eq(0), mask), mask);
    }
}
