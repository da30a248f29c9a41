namespace Plumbline.Plugins.BranchGrpo;

/// <summary>Which edges the backward pass may leave out; the tree itself is sampled and scored whole.</summary>
public static class Pruning
{
    /// <summary>Depths first, then width below the last split: keep [E].</summary>
    /// <param name="childDepths">[E] depth of the edge's child.</param>
    /// <param name="parentSteps">[E] the step that the edge is, from 0.</param>
    /// <param name="advantages">[E].</param>
    /// <param name="branchIds">[E] the child of the last split that the edge descends from.</param>
    /// <param name="options">What is left out.</param>
    [Target("branch-grpo/prune")]
    public static bool[] Keep(int[] childDepths, int[] parentSteps, double[] advantages, int[] branchIds, PruneOptions options)
    {
        ArgumentNullException.ThrowIfNull(childDepths);
        ArgumentNullException.ThrowIfNull(parentSteps);
        ArgumentNullException.ThrowIfNull(advantages);
        ArgumentNullException.ThrowIfNull(branchIds);
        ArgumentNullException.ThrowIfNull(options);
        TreeCredit.RequireLength("parent_steps", parentSteps.Length, "child_depths", childDepths.Length);
        TreeCredit.RequireLength("advantages", advantages.Length, "child_depths", childDepths.Length);
        TreeCredit.RequireLength("branch_ids", branchIds.Length, "child_depths", childDepths.Length);
        var window = Window(options);
        bool[] keep = [.. childDepths.Select(depth => !window.Contains(depth))];
        if (options.WidthMode == 0)
        {
            return keep;
        }

        int[] below = [.. Enumerable.Range(0, keep.Length).Where(edge => keep[edge] && parentSteps[edge] > options.LastSplitStep)];
        var kept = (options.WidthMode == 1 ? below.GroupBy(edge => branchIds[edge]).SelectMany(branch => Best([.. branch])) : Extremes(below)).ToHashSet();
        foreach (var edge in below)
        {
            keep[edge] = kept.Contains(edge);
        }

        return keep;

        IEnumerable<int> Best(int[] branch) => Descending(branch).Take(Math.Max(1, (int)(options.WidthRatio * branch.Length)));

        IEnumerable<int> Extremes(int[] edges)
        {
            var count = Math.Max(2, (int)(options.WidthRatio * edges.Length));
            int[] ordered = [.. Descending(edges)];
            return ordered.Take(count / 2).Concat(ordered.TakeLast(count - (count / 2)));
        }

        IOrderedEnumerable<int> Descending(int[] edges) => edges.OrderByDescending(edge => advantages[edge]);
    }

    /// <summary>The depths left out at a training step.</summary>
    internal static HashSet<int> Window(PruneOptions options)
    {
        if (options.DepthWindow is not { } window)
        {
            return [];
        }

        var shift = options.Slide ? Math.Min(options.TrainingStep / options.SlideInterval, Math.Max(0, window.Min() - (options.StopDepth ?? options.LastSplitStep!.Value))) : 0;
        return [.. window.Select(depth => depth - shift)];
    }
}
