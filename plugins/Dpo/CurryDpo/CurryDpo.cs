using Plumbline.Training;

namespace Plumbline.Plugins.CurryDpo;

/// <summary>Curry-DPO: pairs of several rated answers, easy ones first, in successive rounds of DPO; the policy that ends a round is the reference of the next.</summary>
/// <remarks>
/// The loss is DPO's; what is new is the order (the transform <c>curry-dpo</c>) and the reference that moves. Inputs: policy, reference and mask of both sides.
/// Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("curry-dpo", Loop.OfflinePairs, Paper = "2403.07230", Title = "Curry-DPO: Enhancing Alignment using Curriculum Learning & Ranked Preferences")]
[Default("transforms", new[] { "curry-dpo" })]
[Default("phase_column", "stage")]
[Default("reference_refresh", "phase")]
[Default("reset_optimizer", true)]
[Default("learning_rate", 5e-7)]
public sealed class CurryDpo(CurryDpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>-log σ(β (S_chosen - S_rejected)), the mean over pairs.</summary>
    public override Loss Compute(PairBatch batch) => PairLosses.Dpo(batch, options.Beta);
}
