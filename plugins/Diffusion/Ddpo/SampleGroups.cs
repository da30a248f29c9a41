using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>Each sample's reward against its group's mean, over a deviation (Flow-GRPO, arXiv 2505.05470; DanceGRPO, arXiv 2505.07818).</summary>
/// <remarks>In a stage the advantage <c>group-relative</c> with the same statistics does this, and <c>drop_equal_groups</c> leaves out what is not informative.</remarks>
public static class SampleGroups
{
    /// <summary>(r - mean)/(std + ε); 0 in a group without spread, and in a group of one where the deviation divides by n - 1.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int64.</param>
    /// <param name="options">The statistics.</param>
    /// <returns>advantages [N]; informative [N] bool, whether some member of the sample's group has an advantage other than 0.</returns>
    [Target("ddpo/group_advantages")]
    public static Outputs Advantages(Tensor rewards, Tensor groupIds, SampleGroupsOptions options)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("rewards", rewards).With("group_ids", groupIds);
        batch.RequireSameShape("rewards", "group_ids");
        var advantages = new GroupRelative(new GroupRelativeOptions
        {
            StdDdof = options.Ddof,
            StdEpsilon = options.Epsilon,
            ScaleRewards = options.StdScope == StdScope.Batch ? RewardScale.Batch : RewardScale.Group,
        }).Compute(batch).Tensor("advantages");
        var groups = new Groups(groupIds);
        return new Outputs { ["advantages"] = advantages, ["informative"] = groups.Spread(groups.Sum(Masked.Indicator(advantages.ne(0), rewards))).gt(0) };
    }
}
