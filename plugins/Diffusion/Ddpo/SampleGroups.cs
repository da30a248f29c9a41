using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>Each sample's reward against its group's mean, over a deviation (Flow-GRPO, arXiv 2505.05470; DanceGRPO, arXiv 2505.07818).</summary>
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
        new Batch().With("rewards", rewards).With("group_ids", groupIds).RequireSameShape("rewards", "group_ids");
        var groups = new Groups(groupIds);
        var std = options.StdScope == StdScope.Batch
            ? new Groups(zeros_like(groupIds)).RowStatistics(rewards, ones_like(rewards), options.Ddof).Std
            : groups.RowStatistics(rewards, ones_like(rewards), options.Ddof).Std;
        var advantages = groups.Centre(rewards) / (std + options.Epsilon);
        return new Outputs { ["advantages"] = advantages, ["informative"] = groups.Spread(groups.Sum(Masked.Indicator(advantages.ne(0), rewards))).gt(0) };
    }
}
