using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>The shape of a tree of samples: where it splits, how wide it gets, which steps are drawn, what the children of a split are.</summary>
public static class Tree
{
    /// <summary>The steps at which every node gets several children: split_points, ascending, within 0 … S-1.</summary>
    /// <param name="options">Steps and splits.</param>
    [Target("branch-grpo/split_points")]
    public static int[] SplitPoints(SplitOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var steps = options.SamplingSteps;
        var points = options.SplitPoints ?? Enumerable.Range(0, options.Rounds).Select(round => round * (steps / options.Rounds));
        return [.. points.Select(point => Math.Clamp(point, 0, steps - 1)).Distinct().Order()];
    }

    /// <summary>What a tree costs: leaves, edges, evaluations (one call of the network serves all children of a node), edges_per_leaf, and evaluation_ratio, against as many whole chains.</summary>
    /// <param name="options">The shape.</param>
    [Target("branch-grpo/tree_counts")]
    public static TreeCounts Counts(TreeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var splits = SplitPoints(options).ToHashSet();
        var (width, edges, evaluations) = (1L, 0L, 0L);
        for (var step = 0; step < options.SamplingSteps; step++)
        {
            evaluations += width;
            width *= splits.Contains(step) ? options.Branching : 1;
            edges += width;
        }

        return new TreeCounts(width, edges, evaluations, edges / (double)width, evaluations / (double)(width * options.SamplingSteps));
    }

    /// <summary>Which steps are drawn from a density: splits, and windows that come again. The others follow the flow and are not trained: stochastic [S].</summary>
    /// <param name="options">Splits and windows.</param>
    [Target("branch-grpo/mix_steps")]
    public static bool[] MixSteps(MixOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var splits = SplitPoints(options);
        return [.. Enumerable.Range(0, options.SamplingSteps).Select(step => splits.Contains(step) || step % options.SlideInterval < options.WindowSize)];
    }

    /// <summary>The children of one node at a split: children [K,...], and logps [K], the mean over elements of their log-density under N(mean, std).</summary>
    /// <param name="mean">[...] of the step's density.</param>
    /// <param name="std">[] of the step's density.</param>
    /// <param name="sharedNoise">[...] z_0.</param>
    /// <param name="branchNoise">[K,...] n, a child's own.</param>
    /// <param name="options">How the two are put together.</param>
    [Target("branch-grpo/split_step")]
    public static Outputs SplitStep(Tensor mean, Tensor std, Tensor sharedNoise, Tensor branchNoise, SplitNoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(branchNoise);
        new Batch().With("mean", mean).With("shared_noise", sharedNoise).With("branch_noise[0]", branchNoise.select(0, 0)).RequireSameShape("mean", "shared_noise", "branch_noise[0]");
        var noise = ChildNoise(sharedNoise.unsqueeze(0), branchNoise, options);
        var logps = -(noise.square() / 2) - std.log() - (0.5 * Math.Log(2 * Math.PI));
        return new Outputs { ["children"] = mean + (std * noise), ["logps"] = logps.reshape(logps.shape[0], -1).mean([-1]) };
    }

    /// <summary>A child's noise of the one it shares with its siblings and its own.</summary>
    internal static Tensor ChildNoise(Tensor shared, Tensor own, SplitNoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var scale = options.SplitNoiseScale;
        return options.SplitNoise == SplitNoise.Scaled ? scale * own : (shared + (scale * own)) / Math.Sqrt(1 + (scale * scale));
    }
}

/// <summary>What a tree costs.</summary>
/// <param name="Leaves">Samples.</param>
/// <param name="Edges">What can be trained.</param>
/// <param name="Evaluations">Calls of the network.</param>
/// <param name="EdgesPerLeaf">Edges over leaves.</param>
/// <param name="EvaluationRatio">Evaluations over those of as many chains that share nothing.</param>
public sealed record TreeCounts(long Leaves, long Edges, long Evaluations, double EdgesPerLeaf, double EvaluationRatio);
