using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>BranchGRPO: GRPO for flow models on trees: samples share their beginnings, and every step is compared with the others of its depth.</summary>
/// <remarks>Inputs: logps, old_logps (absent on the first update), mask [E] or [E,1], an entry an edge; advantages the same. Of samples side by side [N,S], and advantages may be [N]. Outputs: loss, clip_fraction, skipped_edges (ratios that are no number) [].</remarks>
[Algorithm("branch-grpo", Loop.DiffusionRollouts, Paper = "2509.06040", Title = "BranchGRPO: Stable and Efficient GRPO with Structured Branching in Diffusion Models")]
[Default("sampler", "branching")]
[Default("sampler.sde", "dance")]
[Default("sampler.eta", 0.3)]
[Default("sampler.shift", 3.0)]
[Default("sampler.num_inference_steps", 20)]
[Default("sampler.split_points", new[] { 0, 3, 6, 9 })]
[Default("advantage", "branch-grpo")]
[Default("learning_rate", 1e-5)]
[Default("weight_decay", 1e-4)]
public sealed class BranchGrpo(BranchGrpoOptions options) : TransitionObjective
{
    /// <summary>max(-A ρ, -A clamp(ρ, 1-ε, 1+ε)), the mean over the edges kept.</summary>
    public override Loss Compute(TransitionBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "mask");
        var (logps, mask, advantages) = (batch.Logps, batch.Mask, batch.Advantages);
        if (advantages.dim() < logps.dim())
        {
            // Samples side by side may have one advantage for all their steps.
            batch.RequireSameRows("logps", "advantages");
            advantages = advantages.unsqueeze(-1).expand_as(logps);
        }
        else
        {
            batch.RequireSameShape("logps", "advantages");
        }

        Masked.RequireTokens(mask);
        var change = logps - (batch.OldLogps ?? logps).detach();
        var broken = change.detach().exp().isfinite().logical_not();
        var usable = mask.masked_fill(broken, 0);
        if (usable.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("no edge that 'mask' keeps has a finite ratio of 'logps' and 'old_logps'");
        }

        var ratio = change.masked_fill(broken, 0).exp();
        var per = ClippedSurrogate.PerToken(ratio, advantages.clamp(-options.AdvClipMax, options.AdvClipMax), options.ClipRange, options.ClipRange);
        return new Loss((per * usable).sum() / usable.sum())
        {
            ["clip_fraction"] = Masked.Mean(Masked.Indicator((ratio.detach() - 1).abs().gt(options.ClipRange), logps), usable),
            ["skipped_edges"] = mask.sum() - usable.sum(),
        };
    }
}
