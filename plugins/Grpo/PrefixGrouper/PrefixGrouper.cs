using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PrefixGrouper;

/// <summary>GRPO whose prompts run once for all their completions. Losses and gradients are GRPO's; work and memory fall.</summary>
/// <remarks>
/// Sharing is the scorer's doing (<c>shared_prefix</c>), so the objective below is the group objective of every day, and any other may take its place.
/// Inputs: logps, mask [N,T]; advantages [N] or [N,T]; old_logps, absent on the first update; reference_logps where beta &gt; 0. Outputs: loss, kl, ratio_mean, clip_ratio.
/// </remarks>
[Algorithm("prefix-grouper", Loop.OnlineGroups, Paper = "2506.05433", Title = "Prefix Grouper: Efficient GRPO Training through Shared-Prefix Forward")]
[Default("shared_prefix", "on")]
[Default("learning_rate", 1e-6)]
public sealed class PrefixGrouper(PrefixGrouperOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.Beta > 0 ? Needs.Reference : Needs.None;

    /// <summary>-min(ρ A, clip(ρ) A) + β KL at each token; the mean over each completion's tokens, then over completions.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "logps", "old_logps", "reference_logps");
        batch.RequireSameRows("logps", "advantages");
        var advantages = batch.Advantages.dim() == 1 ? batch.Advantages.unsqueeze(1) : batch.Advantages;
        var (low, high) = (options.EpsilonLow, options.EpsilonHigh ?? options.EpsilonLow);

        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var per = ClippedSurrogate.PerToken(ratio, advantages, low, high);
        var kl = zeros_like(batch.Logps);
        if (options.Beta > 0)
        {
            kl = KlEstimates.K3((batch.Logps - batch.ReferenceLogps.detach()) * batch.Mask);
            per = per + (options.Beta * kl);
        }

        return new Loss(TokenReduction.Reduce(per, batch.Mask, TokenReductionKind.Grpo))
        {
            ["kl"] = Masked.Mean(kl.detach(), batch.Mask),
            ["ratio_mean"] = Masked.Mean(ratio.detach(), batch.Mask),
            ["clip_ratio"] = ClippedSurrogate.ClipRatios(ratio.detach(), advantages, batch.Mask, low, high).Region,
        };
    }
}
