using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>Options of <c>branch-grpo</c> as an advantage part.</summary>
public sealed record TreeAdvantageOptions : FusionOptions
{
    /// <summary>Compare leaves alone: an edge takes the mean of the advantages of the leaves below it, in place of one among its own depth.</summary>
    public bool GroupMode { get; init; }

    /// <summary>Which edges are left out of the backward pass; null: none.</summary>
    public PruningOptions? Pruning { get; init; }

    /// <summary>Prune only over this share of the stage's updates, the first ones.</summary>
    [Interval(0, 1)]
    public double PruningStepRatio { get; init; } = 1;
}

/// <summary>Rewards of leaves to advantages of edges: fused up the tree, compared with the others of a depth, and pruned. Samples side by side are compared as a group.</summary>
[Advantage("branch-grpo", Paper = "2509.06040", Title = "BranchGRPO: Stable and Efficient GRPO with Structured Branching in Diffusion Models")]
public sealed class TreeAdvantage(TreeAdvantageOptions options) : ITransitionAdvantage
{
    /// <summary>advantages [R,W] of the edges in the layout of the rows; keep [R,W] bool.</summary>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rewards = batch["rewards"];
        if (rewards.dim() != 1)
        {
            throw new InvalidInputException($"the shape of 'rewards' is [{string.Join(',', rewards.shape)}]; a tree's leaves have one reward each, [N]");
        }

        if (batch.Find("scored") is { } scored && !scored.all().ToBoolean())
        {
            throw new InvalidInputException("'scored' leaves samples out, and every leaf of a tree needs a reward");
        }

        int[] from = Whole("edge_parents"), to = Whole("edge_children"), steps = Whole("edge_steps"), groups = Whole("edge_groups"), leaves = Whole("leaves");
        var states = Math.Max(to.Append(0).Max(), from.Append(0).Max()) + 1;
        var (parents, depths, trees, logps) = (new int[states], new int[states], new int[states], new double[states]);
        Array.Fill(parents, -1);
        var densities = Numbers("edge_logps");
        foreach (var edge in Enumerable.Range(0, to.Length))
        {
            (parents[to[edge]], depths[to[edge]], logps[to[edge]]) = (from[edge], steps[edge] + 1, densities[edge]);
            trees[from[edge]] = trees[to[edge]] = groups[edge];
        }

        var values = Numbers("rewards");
        double[] ordered = [.. leaves.Select((leaf, i) => (leaf, values[i])).OrderBy(pair => pair.leaf).Select(pair => pair.Item2)];
        var advantages = options.GroupMode
            ? TreeCredit.Fuse(parents, Compared(ordered), logps, options)
            : TreeCredit.DepthAdvantages(TreeCredit.Fuse(parents, ordered, logps, options), depths, trees);
        var keep = Keep([.. to.Select(child => advantages[child])]);

        var rows = batch["row_edges"].cpu();
        var places = rows.flatten().data<long>().ToArray();
        return new Outputs
        {
            ["advantages"] = tensor([.. places.Select(edge => advantages[to[edge]])], rows.shape, device: rewards.device).to_type(rewards.dtype),
            ["keep"] = tensor([.. places.Select(edge => keep[edge])], rows.shape, device: rewards.device),
        };

        double[] Compared(double[] leafRewards)
        {
            int[] ascending = [.. leaves.Order()];
            return TreeCredit.DepthAdvantages(leafRewards, [.. ascending.Select(leaf => depths[leaf])], [.. ascending.Select(leaf => trees[leaf])]);
        }

        bool[] Keep(double[] edgeAdvantages)
        {
            var trains = batch["edge_trains"].cpu().data<bool>().ToArray();
            var step = batch.Number("step") ?? 0;
            if (options.Pruning is not { } pruning || step > options.PruningStepRatio * (batch.Number("total_steps") ?? double.PositiveInfinity))
            {
                return trains;
            }

            var lastSplit = (int?)batch.Number("last_split_step");
            var rule = new PruneOptions
            {
                DepthWindow = pruning.DepthWindow, Slide = pruning.Slide, SlideInterval = pruning.SlideInterval, StopDepth = pruning.StopDepth,
                WidthMode = pruning.WidthMode, WidthRatio = pruning.WidthRatio, TrainingStep = (int)step, LastSplitStep = lastSplit,
            };
            if (rule.Check().FirstOrDefault() is { } broken)
            {
                throw new PlumblineException($"{broken}; the sampler gives none, use branching");
            }

            var kept = new bool[trains.Length];
            foreach (var tree in Enumerable.Range(0, trains.Length).Where(edge => trains[edge]).GroupBy(edge => groups[edge]))
            {
                int[] edges = [.. tree];
                var within = Pruning.Keep(
                    [.. edges.Select(edge => steps[edge] + 1)], [.. edges.Select(edge => steps[edge])], [.. edges.Select(edge => edgeAdvantages[edge])], [.. edges.Select(edge => Branch(to[edge], (lastSplit ?? 0) + 1))], rule);
                foreach (var (edge, stays) in edges.Zip(within))
                {
                    kept[edge] = stays;
                }
            }

            return kept;
        }

        // The ancestor at a depth: above it a node is its own.
        int Branch(int node, int depth)
        {
            while (depths[node] > depth)
            {
                node = parents[node];
            }

            return node;
        }

        int[] Whole(string name) => [.. batch[name].to_type(ScalarType.Int64).cpu().data<long>().ToArray().Select(value => (int)value)];

        double[] Numbers(string name) => batch[name].detach().to_type(ScalarType.Float64).cpu().data<double>().ToArray();
    }
}
