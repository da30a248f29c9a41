using Plumbline.Training;

namespace Plumbline.Plugins.Sft;

/// <summary>Supervised fine-tuning: the mean negative log-likelihood of all completion tokens of the batch.</summary>
/// <remarks>Inputs: logps, mask [N,T]. Outputs: loss; tokens [] (how many the mean is over).</remarks>
[Algorithm("sft", Loop.Sft)]
public sealed class Sft : SequenceObjective
{
    /// <summary>-Σ log π · m / Σ m over the whole batch: every token weighs the same, so long completions weigh more.</summary>
    public override Loss Compute(SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask");
        Masked.RequireTokens(batch.Mask);
        return new Loss(Masked.NegativeLogLikelihood(batch.Logps, batch.Mask)) { ["tokens"] = batch.Mask.sum() };
    }
}
