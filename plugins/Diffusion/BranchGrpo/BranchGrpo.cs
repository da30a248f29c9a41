using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>BranchGRPO: GRPO for flow models on trees: samples share their beginnings, and every step is compared with the others of its depth.</summary>
/// <remarks>Inputs: logps, old_logps (absent on the first update), advantages, mask [E], an entry an edge. Outputs: loss, clip_fraction, skipped_edges (ratios that are no number) [].</remarks>
[Objective("branch-grpo")]
public sealed class BranchGrpo(BranchGrpoOptions options) : Objective<Batch>
{
    /// <summary>max(-A ρ, -A clamp(ρ, 1-ε, 1+ε)), the mean over the edges kept.</summary>
    public override Loss Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "advantages", "mask");
        var (logps, mask) = (batch["logps"], batch["mask"]);
        Masked.RequireTokens(mask);
        var change = logps - (batch.Find("old_logps") ?? logps).detach();
        var broken = change.detach().exp().isfinite().logical_not();
        var usable = mask.masked_fill(broken, 0);
        if (usable.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("no edge that 'mask' keeps has a finite ratio of 'logps' and 'old_logps'");
        }

        var ratio = change.masked_fill(broken, 0).exp();
        var advantages = batch["advantages"].clamp(-options.AdvClipMax, options.AdvClipMax);
        var per = ClippedSurrogate.PerToken(ratio, advantages, options.ClipRange, options.ClipRange);
        return new Loss((per * usable).sum() / usable.sum())
        {
            ["clip_fraction"] = Masked.Mean(Masked.Indicator((ratio.detach() - 1).abs().gt(options.ClipRange), logps), usable),
            ["skipped_edges"] = mask.sum() - usable.sum(),
        };
    }
}
