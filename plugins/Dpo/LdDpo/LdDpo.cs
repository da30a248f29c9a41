using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.LdDpo;

/// <summary>LD-DPO: DPO in which the tokens beyond a pair's shared length count less, so that length is not mistaken for quality.</summary>
/// <remarks>Inputs: policy, reference and mask of both sides. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin []; chosen_weights, rejected_weights [B,T].</remarks>
[Algorithm("ld-dpo", Loop.OfflinePairs, Paper = "2409.06411", Title = "Length Desensitization in Direct Preference Optimization")]
[Default("learning_rate", 5e-7)]
[Default("schedule", "cosine")]
public sealed class LdDpo(LdDpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>π_LD(y) = Π_{k≤l} p_k · Π_{k>l} p_k^α, where l is the shared length; then DPO: z = β (S_chosen - S_rejected), loss = -log σ(z), S = log π_LD/π_LD,ref.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: true);
        var shared = minimum(batch.ChosenMask.sum(-1), batch.RejectedMask.sum(-1)).unsqueeze(-1);
        var (chosenWeights, rejectedWeights) = (Weights(batch.ChosenMask, shared), Weights(batch.RejectedMask, shared));
        var chosen = options.Beta * Masked.RowSum(batch.PolicyChosenLogps - batch.ReferenceChosenLogps.detach(), chosenWeights);
        var rejected = options.Beta * Masked.RowSum(batch.PolicyRejectedLogps - batch.ReferenceRejectedLogps.detach(), rejectedWeights);
        var losses = PairLosses.Logistic(chosen - rejected);
        var loss = PairLosses.WithMetrics(losses.mean(), losses, chosen, rejected);
        (loss["chosen_weights"], loss["rejected_weights"]) = (chosenWeights, rejectedWeights);
        return loss;
    }

    /// <summary>1 at an answer's first l tokens, α at those beyond, 0 outside. A token's rank is among the answer's own tokens, wherever they lie.</summary>
    private Tensor Weights(Tensor mask, Tensor shared) =>
        mask * (options.Alpha + ((1 - options.Alpha) * Masked.Indicator(mask.cumsum(-1).le(shared), mask)));

    /// <summary>How reward margins go with length differences: slope, correlation [], from population moments; 0 where a variance is 0.</summary>
    /// <param name="margins">[B] implicit reward of the chosen answer less the rejected one's.</param>
    /// <param name="lengthDifferences">[B] tokens of the chosen answer less the rejected one's.</param>
    [Target("ld-dpo/length_sensitivity")]
    public static Outputs LengthSensitivity(Tensor margins, Tensor lengthDifferences)
    {
        new Batch().With("margins", margins).With("length_differences", lengthDifferences).RequireSameShape("margins", "length_differences");
        var lengths = lengthDifferences.to_type(margins.dtype);
        var (m, l) = (margins - margins.mean(), lengths - lengths.mean());
        var (covariance, marginVariance, lengthVariance) = ((m * l).mean(), m.square().mean(), l.square().mean());
        return new Outputs { ["slope"] = Over(covariance, lengthVariance), ["correlation"] = Over(covariance, (marginVariance * lengthVariance).sqrt()) };
    }

    private static Tensor Over(Tensor numerator, Tensor denominator) => where(denominator.eq(0), zeros_like(numerator), numerator / denominator);
}
