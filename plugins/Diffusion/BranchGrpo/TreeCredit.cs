namespace Plumbline.Plugins.BranchGrpo;

/// <summary>From rewards of leaves to advantages of edges: fused upwards, compared at each depth.</summary>
public static class TreeCredit
{
    /// <summary>Every node's reward by those of its leaves: node_rewards [M].</summary>
    /// <param name="parents">[M] the parent's index, -1 for a root; parents before children.</param>
    /// <param name="leafRewards">[L] by ascending index of the leaf.</param>
    /// <param name="edgeLogps">[M] log-density of the edge that leads to a node; a root's is not read.</param>
    /// <param name="options">How children are put together.</param>
    [Target("branch-grpo/fuse")]
    public static double[] Fuse(int[] parents, double[] leafRewards, double[] edgeLogps, FusionOptions options)
    {
        ArgumentNullException.ThrowIfNull(parents);
        ArgumentNullException.ThrowIfNull(leafRewards);
        ArgumentNullException.ThrowIfNull(edgeLogps);
        ArgumentNullException.ThrowIfNull(options);
        if (edgeLogps.Length != parents.Length)
        {
            throw new InvalidInputException($"'edge_logps' has {edgeLogps.Length} entries, and there are {parents.Length} nodes in 'parents'");
        }

        var children = Children(parents);
        int[] leaves = [.. Enumerable.Range(0, parents.Length).Where(node => children[node].Count == 0)];
        if (leaves.Length != leafRewards.Length)
        {
            throw new InvalidInputException($"'leaf_rewards' has {leafRewards.Length} entries, and the tree has {leaves.Length} leaves; each leaf has one reward");
        }

        var rewards = new double[parents.Length];
        var below = new int[parents.Length];
        for (var leaf = 0; leaf < leaves.Length; leaf++)
        {
            (rewards[leaves[leaf]], below[leaves[leaf]]) = (leafRewards[leaf], 1);
        }

        // Children come after their parents, so that from the end on each node's children are done before it.
        for (var node = parents.Length - 1; node >= 0; node--)
        {
            if (children[node] is { Count: > 0 } own)
            {
                below[node] = own.Sum(child => below[child]);
                double[] weights = [.. own.Select(child => (double)below[child])];
                if (options.Fusion == Fusion.PathProbability)
                {
                    var largest = own.Max(child => edgeLogps[child]);
                    weights = [.. own.Select(child => Math.Exp(options.Temperature * (edgeLogps[child] - largest)))];
                }

                rewards[node] = own.Zip(weights, (child, weight) => weight * rewards[child]).Sum() / weights.Sum();
            }
        }

        return rewards;
    }

    /// <summary>(r - mean)/(std + 1e-8) among the nodes of one depth of one tree, std by n-1; 0 for a depth with one node or without a difference: advantages [M].</summary>
    /// <param name="nodeRewards">[M].</param>
    /// <param name="depths">[M].</param>
    /// <param name="treeIds">[M].</param>
    [Target("branch-grpo/depth_advantages")]
    public static double[] DepthAdvantages(double[] nodeRewards, int[] depths, int[] treeIds)
    {
        ArgumentNullException.ThrowIfNull(nodeRewards);
        ArgumentNullException.ThrowIfNull(depths);
        ArgumentNullException.ThrowIfNull(treeIds);
        RequireLength("depths", depths.Length, "node_rewards", nodeRewards.Length);
        RequireLength("tree_ids", treeIds.Length, "node_rewards", nodeRewards.Length);
        var advantages = new double[nodeRewards.Length];
        foreach (var level in Enumerable.Range(0, nodeRewards.Length).GroupBy(node => (treeIds[node], depths[node])))
        {
            int[] nodes = [.. level];
            var mean = nodes.Average(node => nodeRewards[node]);
            var std = nodes.Length < 2 ? 0 : Math.Sqrt(nodes.Sum(node => Math.Pow(nodeRewards[node] - mean, 2)) / (nodes.Length - 1));
            foreach (var node in nodes)
            {
                advantages[node] = std < 1e-6 ? 0 : (nodeRewards[node] - mean) / (std + 1e-8);
            }
        }

        return advantages;
    }

    /// <summary>Each node's children, in order.</summary>
    internal static List<int>[] Children(int[] parents)
    {
        List<int>[] children = [.. parents.Select(_ => new List<int>())];
        for (var node = 0; node < parents.Length; node++)
        {
            if (parents[node] < -1 || parents[node] >= node)
            {
                throw new InvalidInputException($"'parents' gives node {node} the parent {parents[node]}; a parent comes before its children, and a root has -1");
            }

            if (parents[node] >= 0)
            {
                children[parents[node]].Add(node);
            }
        }

        return children;
    }

    internal static void RequireLength(string name, int length, string other, int wanted)
    {
        if (length != wanted)
        {
            throw new InvalidInputException($"the shape of '{name}' is [{length}], and that of '{other}' is [{wanted}]; both must have as many entries");
        }
    }
}
