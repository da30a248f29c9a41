using Plumbline.Plugins.BranchGrpo;
using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class BranchGrpoLaws
{
    [Fact]
    public void A_tree_without_splits_is_one_chain_and_teaches_nothing() => Given.AnyBatch(random =>
    {
        var steps = random.Next(1, 12);
        var counts = Tree.Counts(new TreeOptions { SamplingSteps = steps, SplitPoints = [] });
        Assert.Equal((1, steps, steps, 1.0), (counts.Leaves, counts.Edges, counts.Evaluations, counts.EvaluationRatio));
        var rewards = TreeCredit.Fuse([.. Enumerable.Range(-1, steps + 1)], [random.NextDouble()], new double[steps + 1], new FusionOptions());
        Assert.All(TreeCredit.DepthAdvantages(rewards, [.. Enumerable.Range(0, steps + 1)], new int[steps + 1]), advantage => Assert.Equal(0, advantage));
    });

    [Fact]
    public void The_counts_are_those_of_the_tree_itself() => Given.AnyBatch(random =>
    {
        var (options, parents, depths) = Any(random);
        var counts = Tree.Counts(options);
        Assert.Equal(counts.Edges, parents.Count(parent => parent >= 0));
        Assert.Equal(counts.Leaves, depths.Count(depth => depth == options.SamplingSteps));
        Assert.Equal(counts.Evaluations, depths.Count(depth => depth < options.SamplingSteps));
    });

    [Fact]
    public void On_a_balanced_tree_a_nodes_mean_is_the_mean_of_its_childrens() => Given.AnyBatch(random =>
    {
        var (options, parents, depths) = Any(random);
        var rewards = TreeCredit.Fuse(parents, Leaves(random, options), Numbers(random, parents.Length), new FusionOptions());
        for (var node = 0; node < parents.Length; node++)
        {
            double[] children = [.. Enumerable.Range(0, parents.Length).Where(child => parents[child] == node).Select(child => rewards[child])];
            if (children.Length > 0)
            {
                Assert.Equal(children.Average(), rewards[node], 1e-9);
            }
        }

        // With no weight on the densities the two fusions agree on it.
        var flat = TreeCredit.Fuse(parents, Leaves(new Random(1), options), Numbers(random, parents.Length), new FusionOptions { Fusion = Fusion.PathProbability, Temperature = 0 });
        var mean = TreeCredit.Fuse(parents, Leaves(new Random(1), options), Numbers(random, parents.Length), new FusionOptions());
        Assert.All(flat.Zip(mean), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    });

    [Fact]
    public void A_path_of_far_greater_density_takes_all() => Given.AnyBatch(random =>
    {
        var likelier = random.Next(2);
        var rewards = TreeCredit.Fuse([-1, 0, 0], [1, 2], [double.NaN, likelier == 0 ? 900 : 0, likelier == 0 ? 0 : 900], new FusionOptions { Fusion = Fusion.PathProbability });
        Assert.Equal(1 + likelier, rewards[0], 1e-12);
    });

    [Fact]
    public void The_leaves_advantages_are_those_of_a_flat_group() => Given.AnyBatch(random =>
    {
        var (options, parents, depths) = Any(random);
        var leaves = Leaves(random, options);
        var advantages = Advantages(parents, depths, leaves);
        var group = new Groups(zeros(leaves.Length, ScalarType.Int64)).Normalize(tensor(leaves), 1, 1e-8).data<double>().ToArray();
        Assert.All(group.Zip(Enumerable.Range(0, depths.Length).Where(node => depths[node] == options.SamplingSteps)), pair => Assert.Equal(pair.First, advantages[pair.Second], 1e-6));
    });

    [Fact]
    public void Shifting_all_rewards_changes_no_advantage() => Given.AnyBatch(random =>
    {
        var (options, parents, depths) = Any(random);
        var leaves = Leaves(random, options);
        var shift = 10 * random.NextDouble();
        Assert.All(
            Advantages(parents, depths, leaves).Zip(Advantages(parents, depths, [.. leaves.Select(reward => reward + shift)])),
            pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    });

    [Fact]
    public void Equal_rewards_give_zeros_at_every_depth_and_other_trees_do_not_matter() => Given.AnyBatch(random =>
    {
        var (options, parents, depths) = Any(random);
        var equal = TreeCredit.Fuse(parents, [.. Leaves(random, options).Select(_ => 0.3)], new double[parents.Length], new FusionOptions());
        var other = TreeCredit.Fuse(parents, Leaves(random, options), new double[parents.Length], new FusionOptions());
        var both = TreeCredit.DepthAdvantages([.. equal, .. other], [.. depths, .. depths], [.. depths.Select(_ => 4), .. depths.Select(_ => 9)]);
        Assert.All(both.Take(parents.Length), advantage => Assert.Equal(0, advantage));
        Assert.Equal(TreeCredit.DepthAdvantages(other, depths, new int[depths.Length]), both.Skip(parents.Length));
    });

    [Fact]
    public void The_window_slides_to_its_stop_and_no_further() => Given.AnyBatch(random =>
    {
        int[] depths = [.. Enumerable.Range(1, 20)];
        var options = new PruneOptions { DepthWindow = [12, 13, 14], Slide = true, SlideInterval = 3, StopDepth = random.Next(1, 12), TrainingStep = random.Next(0, 100) };
        var keep = Pruning.Keep(depths, [.. depths.Select(depth => depth - 1)], new double[20], new int[20], options);
        var first = Math.Max(options.StopDepth!.Value, 12 - (options.TrainingStep / 3));
        Assert.Equal(depths.Select(depth => depth < first || depth > first + 2), keep);
    });

    [Fact]
    public void Width_pruning_keeps_the_best_of_each_branch_and_all_above_the_last_split() => Given.AnyBatch(random =>
    {
        var edges = random.Next(1, 40);
        int[] steps = [.. Enumerable.Range(0, edges).Select(_ => random.Next(0, 8))], branches = [.. Enumerable.Range(0, edges).Select(_ => random.Next(0, 4))];
        var advantages = Numbers(random, edges);
        var options = new PruneOptions { WidthMode = 1, WidthRatio = 0.4, LastSplitStep = 3 };
        var keep = Pruning.Keep([.. steps.Select(step => step + 1)], steps, advantages, branches, options);
        Assert.All(Enumerable.Range(0, edges).Where(edge => steps[edge] <= 3), edge => Assert.True(keep[edge]));
        foreach (var branch in Enumerable.Range(0, edges).Where(edge => steps[edge] > 3).GroupBy(edge => branches[edge]))
        {
            double[] kept = [.. branch.Where(edge => keep[edge]).Select(edge => advantages[edge])], left = [.. branch.Where(edge => !keep[edge]).Select(edge => advantages[edge])];
            Assert.Equal(Math.Max(1, (int)(0.4 * branch.Count())), kept.Length);
            Assert.True(left.Length == 0 || kept.Min() >= left.Max());
        }

        var extremes = Pruning.Keep([.. steps.Select(step => step + 1)], steps, advantages, branches, options with { WidthMode = 2 });
        int[] below = [.. Enumerable.Range(0, edges).Where(edge => steps[edge] > 3)];
        Assert.Equal(Math.Min(below.Length, Math.Max(2, (int)(0.4 * below.Length))), below.Count(edge => extremes[edge]));
        Assert.True(below.Length < 2 || (extremes[below.MaxBy(edge => advantages[edge])] && extremes[below.MinBy(edge => advantages[edge])]));
    });

    [Fact]
    public void Children_with_correlated_noise_are_scored_by_the_density_that_drew_them() => Given.AnyBatch(random =>
    {
        var (mean, std, shared, own) = (random.Normal(1, 3), tensor(0.1 + random.NextDouble()), random.Normal(1, 3), random.Normal(1, 4, 3));
        var split = Tree.SplitStep(mean, std, shared, own, new SplitNoiseOptions { SplitNoiseScale = random.NextDouble() * 5 });
        var children = split.Tensor("children");
        var density = (-((children - mean) / std).square() / 2) - std.log() - (0.5 * Math.Log(2 * Math.PI));
        Given.Same(density.mean([-1]), split.Tensor("logps"));

        // Without noise of their own they are one, and with scale 1 the release's noise is plain.
        var same = Tree.SplitStep(mean, std, shared, own, new SplitNoiseOptions { SplitNoiseScale = 0 }).Tensor("children");
        Given.Same(same.select(0, 0), same.select(0, 3));
        Given.Same(mean + (std * own), Tree.SplitStep(mean, std, shared, own, new SplitNoiseOptions { SplitNoise = SplitNoise.Scaled, SplitNoiseScale = 1 }).Tensor("children"));
    });

    [Fact]
    public void Split_steps_are_always_drawn() => Given.AnyBatch(random =>
    {
        var options = new MixOptions { SamplingSteps = 20, SplitPoints = [random.Next(20), random.Next(20)], WindowSize = random.Next(0, 5), SlideInterval = random.Next(1, 9) };
        var drawn = Tree.MixSteps(options);
        Assert.All(options.SplitPoints!, point => Assert.True(drawn[point]));
        Assert.Equal(Enumerable.Range(0, 20).Select(step => options.SplitPoints!.Contains(step) || step % options.SlideInterval < options.WindowSize), drawn);
    });

    [Fact]
    public void An_edge_that_is_pruned_or_broken_gets_no_gradient() => Given.AnyBatch(random =>
    {
        var (old, mask) = (random.Normal(1, 6), tensor(new[] { 1.0, 1, 0, 1, 0, 1 }));
        var logps = (old + random.Normal(1e-4, 6)).requires_grad_();
        var with = new TransitionBatch();
        with.With("logps", logps).With("old_logps", old.masked_fill(tensor(new[] { false, true, false, false, false, false }), double.NegativeInfinity)).With("advantages", random.Normal(1, 6)).With("mask", mask);
        var loss = new BranchGrpo(new BranchGrpoOptions()).Compute(with);
        Given.Same(1.0, loss.Tensor("skipped_edges"));
        var gradient = loss.GradientOf(logps);
        Assert.True(gradient.isfinite().all().ToBoolean());
        Given.Same(0.0, gradient.index_select(0, tensor(new long[] { 1, 2, 4 })));
        Given.Same(-with["advantages"].clamp(-5, 5).select(0, 0) * (logps - old).select(0, 0).exp().detach() / 3, gradient.select(0, 0));
    });

    [Fact]
    public void Settings_that_cannot_be_are_refused_by_name()
    {
        Assert.Contains("split_rounds", new TreeOptions { SamplingSteps = 3, SplitRounds = 4 }.Check().Single(), StringComparison.Ordinal);
        Assert.Contains("split_points", new TreeOptions { SamplingSteps = 3, SplitPoints = [0], SplitRounds = 2 }.Check().Single(), StringComparison.Ordinal);
        Assert.Contains("depth_window", new PruneOptions { DepthWindow = [0] }.Check().Single(), StringComparison.Ordinal);
        Assert.Contains("width_mode", new PruneOptions { WidthMode = 2 }.Check().Single(), StringComparison.Ordinal);
        Assert.Contains("parents", Assert.Throws<InvalidInputException>(() => TreeCredit.Fuse([-1, 2, 0], [1, 1], [0, 0, 0], new FusionOptions())).Message, StringComparison.Ordinal);
    }

    private static double[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble()) - 1)];

    private static double[] Leaves(Random random, TreeOptions options) => Numbers(random, (int)Tree.Counts(options).Leaves);

    private static double[] Advantages(int[] parents, int[] depths, double[] leaves) =>
        TreeCredit.DepthAdvantages(TreeCredit.Fuse(parents, leaves, new double[parents.Length], new FusionOptions()), depths, new int[depths.Length]);

    /// <summary>A balanced tree, level by level.</summary>
    private static (TreeOptions Options, int[] Parents, int[] Depths) Any(Random random)
    {
        var options = new TreeOptions { SamplingSteps = random.Next(2, 6), SplitPoints = [random.Next(0, 6), random.Next(0, 6)], Branching = random.Next(2, 4) };
        var splits = Tree.SplitPoints(options);
        var (parents, depths) = (new List<int> { -1 }, new List<int> { 0 });
        List<int> level = [0];
        for (var step = 0; step < options.SamplingSteps; step++)
        {
            var next = new List<int>();
            foreach (var parent in level.SelectMany(node => Enumerable.Repeat(node, splits.Contains(step) ? options.Branching : 1)))
            {
                next.Add(parents.Count);
                parents.Add(parent);
                depths.Add(step + 1);
            }

            level = next;
        }

        return (options, [.. parents], [.. depths]);
    }
}
