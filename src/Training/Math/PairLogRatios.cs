using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>How much likelier the policy makes the two answers of each pair than the reference does.</summary>
public static class PairLogRatios
{
    /// <summary>Σ_t log π/π_ref of both sides; nats. The reference is a constant.</summary>
    /// <param name="batch">Policy, reference and mask of both sides.</param>
    /// <param name="lengthNormalized">Divide by max(1, tokens).</param>
    /// <returns>[B] each; 0 for an answer without tokens.</returns>
    /// <exception cref="InvalidInputException">Shapes differ, or an input is missing.</exception>
    public static (Tensor Chosen, Tensor Rejected) Of(PairBatch batch, bool lengthNormalized = false)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: true);
        return (
            Reduce(batch.PolicyChosenLogps - batch.ReferenceChosenLogps.detach(), batch.ChosenMask),
            Reduce(batch.PolicyRejectedLogps - batch.ReferenceRejectedLogps.detach(), batch.RejectedMask));

        Tensor Reduce(Tensor tokens, Tensor mask) => lengthNormalized ? Masked.RowMean(tokens, mask) : Masked.RowSum(tokens, mask);
    }
}
