using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Unlikeliness;

/// <summary>GRPO in which a right completion is paid a little less the likelier the policy found it within its group, so that unlikely right answers are not lost.</summary>
/// <remarks>
/// Inputs: logps, mask [N,T]; rewards, group_ids [N]; old_logps, absent on the first update, where the policy is the one that sampled; reference_logps where
/// beta &gt; 0. Outputs: loss; rewards (after the rank's share), advantages [N]; kl [].
/// </remarks>
[Algorithm("unlikeliness", Loop.OnlineGroups, Paper = "2506.02355", Title = "Rewarding the Unlikely: Lifting GRPO Beyond Distribution Sharpening")]
[Default("learning_rate", 1e-6)]
[Default("weight_decay", 0.01)]
[Default("epochs_per_batch", 2)]
[Default("sampler.group_size", 32)]
public sealed class Unlikeliness(UnlikelinessOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Rewards | (options.Beta > 0 ? Needs.Reference : Needs.None);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients =>
        options.Beta > 0 ? new Dictionary<string, double> { ["beta_rank"] = options.BetaRank, ["beta"] = options.Beta } : new Dictionary<string, double> { ["beta_rank"] = options.BetaRank };

    /// <summary>The clipped policy gradient with the advantages of r' and the divergence from the reference, both meaned over tokens.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask", "old_logps", "reference_logps");
        var rewards = Rewards(batch.Rewards, batch.GroupIds, (batch.OldLogps ?? batch.Logps).detach(), batch.Mask, options with { BetaRank = batch.Number("beta_rank") ?? options.BetaRank }).Tensor("rewards");
        var advantages = new Groups(batch.GroupIds).Normalize(rewards, ddof: 1, options.StdEpsilon, SingletonRule.Raw);

        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var loss = Masked.Mean(ClippedSurrogate.PerToken(ratio, advantages.unsqueeze(1), options.Epsilon, options.Epsilon), batch.Mask);
        var kl = zeros_like(loss);
        if (options.Beta > 0)
        {
            kl = Masked.Mean(KlEstimates.K3((batch.Logps - batch.ReferenceLogps.detach()) * batch.Mask), batch.Mask);
            loss += (batch.Number("beta") ?? options.Beta) * kl;
        }

        return new Loss(loss) { ["rewards"] = rewards, ["advantages"] = advantages, ["kl"] = kl.detach() };
    }

    /// <summary>r' = r (1 - β_rank rank/n): rewards [N]; ranks [N] int64, 0 for the least likely of a group, of equals for the earlier.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="oldLogps">[N,T] under the policy that sampled.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="options">Rank and share.</param>
    [Target("unlikeliness/rewards")]
    public static Outputs Rewards(Tensor rewards, Tensor groupIds, Tensor oldLogps, Tensor mask, RankRewardOptions options)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(options);
        var groups = new Groups(groupIds);
        var ranks = Ranks(rewards, groupIds, oldLogps, mask, options);
        var share = ranks.to_type(rewards.dtype) / groups.Spread(groups.Sum(ones_like(rewards)));
        return new Outputs { ["rewards"] = rewards * (1 - (options.BetaRank * share)), ["ranks"] = ranks };
    }

    /// <summary>What an update gave the right completions of each rank: uplift, the mean of log π - log π_old, and count, both [largest group]; 0 where there are none.</summary>
    /// <param name="logps">[N,T] after the update.</param>
    /// <param name="oldLogps">[N,T] before it.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="rewards">[N]; a completion is right above 0.</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="options">Rank.</param>
    [Target("unlikeliness/rank_bias")]
    public static Outputs RankBias(Tensor logps, Tensor oldLogps, Tensor mask, Tensor rewards, Tensor groupIds, RankOptions options)
    {
        ArgumentNullException.ThrowIfNull(logps);
        var ranks = Ranks(rewards, groupIds, oldLogps, mask, options);
        new Batch().With("mask", mask).With("logps", logps).RequireSameShape("mask", "logps");
        var right = Masked.Indicator(rewards.gt(0), logps);
        Tensor PerRank(Tensor rows) => zeros([ranks.max().ToInt64() + 1], rows.dtype, rows.device).index_add(0, ranks, rows * right, 1);
        var count = PerRank(ones_like(right));
        return new Outputs { ["uplift"] = PerRank(Masked.RowSum((logps - oldLogps).detach(), mask)) / count.clamp_min(1), ["count"] = count };
    }

    private static Tensor Ranks(Tensor rewards, Tensor groupIds, Tensor oldLogps, Tensor mask, RankOptions options)
    {
        var batch = new Batch().With("mask", mask).With("old_logps", oldLogps).With("rewards", rewards).With("group_ids", groupIds);
        batch.RequireSameShape("mask", "old_logps");
        batch.RequireSameRows("mask", "rewards", "group_ids");
        return new Groups(groupIds).Rank(options.RankBy == RankScore.MeanLogp ? Masked.RowMean(oldLogps, mask) : Masked.RowSum(oldLogps, mask));
    }
}
