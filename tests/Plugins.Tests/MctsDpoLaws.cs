using Plumbline.Plugins.MctsDpo;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;
using Method = Plumbline.Plugins.MctsDpo.MctsDpo;

namespace Plumbline.Tests.Plugins;

public sealed class MctsDpoLaws
{
    [Fact]
    public void A_rejected_step_that_was_never_visited_gives_plain_dpo() => Given.AnyBatch(random =>
    {
        var batch = Visited(random, (_, chosen) => (chosen, 0));
        var beta = 0.05 + random.NextDouble();
        var (ours, plain) = (new Method(new MctsDpoOptions { Beta = beta }).Compute(batch), Plumbline.Training.PairLosses.Dpo(batch, beta));
        Given.Same(plain.Value, ours.Value);
        Given.Same(plain.GradientOf(batch.PolicyChosenLogps), ours.GradientOf(batch.PolicyChosenLogps));
        Given.Same(plain.Value, new Method(new MctsDpoOptions { Beta = beta, Conservative = false }).Compute(Visited(random, (_, chosen) => (chosen, chosen), batch)).Value);
    });

    [Fact]
    public void Equal_visits_hold_the_margin_at_zero() => Given.AnyBatch(random =>
    {
        var batch = Visited(random, (_, chosen) => (chosen + 1, chosen + 1));
        var objective = new Method(new MctsDpoOptions());
        var loss = objective.Compute(batch);
        Given.Same(0.5, loss.Tensor("smoothing"));
        Assert.True(loss.Value.ToDouble() >= Math.Log(2) - 1e-12);
        var at = batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps.clone().requires_grad_()), ("policy_rejected_logps", batch.ReferenceRejectedLogps.clone().requires_grad_()));
        var still = objective.Compute(at);
        Given.Same(Math.Log(2), still.Value);
        Given.Same(0, still.GradientOf(at.PolicyChosenLogps));
    });

    [Fact]
    public void The_more_the_rejected_step_was_visited_the_less_a_label_is_trusted() => Given.AnyBatch(random =>
    {
        var less = new Method(new MctsDpoOptions()).Compute(Visited(random, (row, chosen) => (chosen + 4, row)));
        Assert.True(less.Tensor("smoothing").max().ToDouble() <= 0.5 && less.Tensor("smoothing").min().ToDouble() >= 0);
        Given.Same(2.0 / 6, new Method(new MctsDpoOptions()).Compute(Visited(random, (_, _) => (4, 2))).Tensor("smoothing"));
    });

    [Fact]
    public void What_both_sides_begin_with_counts_on_neither() => Given.AnyBatch(random =>
    {
        var batch = Visited(random, (_, chosen) => (chosen, chosen / 2));
        var (n, width) = (batch.ChosenMask.shape[0], 7);
        Tensor Wide(Tensor side) => cat([side, zeros([n, width - side.shape[1]], ScalarType.Float64)], 1);
        // Three tokens in common, on which policy and reference differ as they like, before both sides.
        var (common, reference) = (-random.Normal(1, n, 3).abs(), -random.Normal(1, n, 3).abs());
        Tensor With(Tensor prefix, Tensor side) => cat([prefix, Wide(side)], 1);
        var prefixed = batch.But(
            ("policy_chosen_logps", With(common, batch.PolicyChosenLogps)), ("policy_rejected_logps", With(common, batch.PolicyRejectedLogps)),
            ("reference_chosen_logps", With(reference, batch.ReferenceChosenLogps)), ("reference_rejected_logps", With(reference, batch.ReferenceRejectedLogps)),
            ("chosen_mask", With(ones([n, 3], ScalarType.Float64), batch.ChosenMask)), ("rejected_mask", With(ones([n, 3], ScalarType.Float64), batch.RejectedMask)));
        prefixed.With("chosen_tokens", zeros([n, 3 + width], ScalarType.Int64)).With("rejected_tokens", cat([zeros([n, 3], ScalarType.Int64), ones([n, width], ScalarType.Int64)], 1));
        foreach (var type in new[] { MctsDpoLoss.Sigmoid, MctsDpoLoss.Ipo })
        {
            var objective = new Method(new MctsDpoOptions { LossType = type });
            Given.Same(objective.Compute(batch).Value, objective.Compute(prefixed).Value);
        }
    });

    [Fact]
    public void A_pair_with_nothing_left_on_one_side_is_left_out() => Given.AnyBatch(random =>
    {
        var mask = ones([2, 3], ScalarType.Float64);
        var batch = (PairBatch)new PairBatch
        {
            ["policy_chosen_logps"] = random.Logps(mask), ["policy_rejected_logps"] = random.Logps(mask), ["reference_chosen_logps"] = random.Logps(mask), ["reference_rejected_logps"] = random.Logps(mask),
            ["chosen_mask"] = mask, ["rejected_mask"] = mask, ["chosen_visits"] = ones([2], ScalarType.Float64), ["rejected_visits"] = ones([2], ScalarType.Float64),
        };
        batch.With("chosen_tokens", tensor(new long[] { 1, 2, 3, 1, 2, 3 }, [2, 3])).With("rejected_tokens", tensor(new long[] { 1, 2, 4, 1, 2, 3 }, [2, 3]));
        var loss = new Method(new MctsDpoOptions()).Compute(batch);
        Given.Same(loss.Tensor("losses")[0], loss.Value.detach());
        batch.With("rejected_tokens", batch["chosen_tokens"]);
        Assert.Contains("mask", Assert.Throws<InvalidInputException>(() => new Method(new MctsDpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_length_penalty_of_one_is_the_geometric_mean() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 5);
        var logps = random.Logps(mask);
        Given.Same((logps.sum(1) / mask.sum(1)).exp(), Method.Prior(logps, mask, new PriorOptions { LengthPenalty = 1 }).Tensor("priors"));
    });

    [Fact]
    public void Without_exploration_the_child_with_the_highest_q_is_selected() => Given.AnyBatch(random =>
    {
        var tree = AnyTree(random, 12);
        Assert.Equal(tree.Children(0).MaxBy(child => child.Q)!.Index, TreeStatistics.PuctSelect(tree, 0, exploration: 0));
    });

    [Fact]
    public void Along_a_chain_the_roots_value_is_the_value_of_the_leaf() => Given.AnyBatch(random =>
    {
        var tree = SearchTree.Of([-1, 0, 1, 2, 3], values: [0, .. Enumerable.Range(0, 4).Select(_ => random.NextDouble())]);
        for (var end = 1; end < 5; end++)
        {
            TreeStatistics.Backup(tree, tree.PathTo(end), discount: 1);
        }

        // Rewards are differences of values, so they telescope.
        Assert.Equal(tree[4].Value, tree[0].V, 12);
        Assert.Equal([4, 4, 3, 2, 1], tree.Select(node => node.Visits));
    });

    [Fact]
    public void A_backed_up_value_lies_between_its_childrens() => Given.AnyBatch(random =>
    {
        var tree = AnyTree(random, 15);
        for (var i = 0; i < 10; i++)
        {
            TreeStatistics.Backup(tree, tree.PathTo(random.Next(1, 15)), 0.9);
        }

        TreeStatistics.Backup(tree, tree.PathTo(tree[0].Children[0]), 1);
        Assert.InRange(tree[0].V, tree.Children(0).Min(child => child.Q) - 1e-12, tree.Children(0).Max(child => child.Q) + 1e-12);
    });

    [Fact]
    public void A_step_policy_is_a_distribution_and_grows_even_with_heat() => Given.AnyBatch(random =>
    {
        var tree = AnyTree(random, 12);
        var (cold, hot) = (TreeStatistics.StepPolicy(tree, 0, 0.5, true), TreeStatistics.StepPolicy(tree, 0, 1000, true));
        Assert.Equal(1, cold.Sum(), 12);
        Assert.All(hot, share => Assert.Equal(1.0 / hot.Length, share, tolerance: 0.005));
        Assert.Equal(TreeStatistics.StepPolicy(tree, 0, 0.5, false).Length, tree[0].Children.Count);
    });

    [Fact]
    public void A_pair_is_of_siblings_on_the_path_and_the_chosen_one_is_no_worse() => Given.AnyBatch(random =>
    {
        var tree = AnyTree(random, 20);
        var path = tree.PathTo(19);
        var pairs = new StepPairs(new StepPairsOptions { Negative = random.Next(2) == 0 ? NegativeStep.Worst : NegativeStep.Second }).Pairs(new SearchResult(tree, [path], 0, 0));
        Assert.Equal(path.Where(node => tree[node].Children.Count > 1), pairs.Select(pair => pair.Node));
        Assert.All(pairs, pair =>
        {
            Assert.Equal((pair.Node, pair.Node), (tree[pair.Chosen].Parent, tree[pair.Rejected].Parent));
            Assert.NotEqual(pair.Chosen, pair.Rejected);
            Assert.True(tree[pair.Chosen].Q >= tree[pair.Rejected].Q);
            Assert.Equal(tree[pair.Rejected].Visits, pair.Numbers["rejected_visits"]);
        });
    });

    private static SearchTree AnyTree(Random random, int nodes) => SearchTree.Of(
        [-1, .. Enumerable.Range(1, nodes - 1).Select(node => node < 3 ? 0 : random.Next(node))],
        [.. Enumerable.Range(0, nodes).Select(_ => random.Next(6))],
        [.. Enumerable.Range(0, nodes).Select(_ => random.NextDouble())],
        [0, .. Enumerable.Range(1, nodes - 1).Select(_ => random.NextDouble())],
        priors: [.. Enumerable.Range(0, nodes).Select(_ => random.NextDouble())]);

    private static PairBatch Visited(Random random, Func<int, int, (int Chosen, int Rejected)> visits, PairBatch? pairs = null)
    {
        var batch = pairs ?? random.Pairs();
        var drawn = Enumerable.Range(0, (int)batch.ChosenMask.shape[0]).Select(row => visits(row, random.Next(20))).ToArray();
        return (PairBatch)new PairBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name])))
            .With("chosen_visits", tensor(drawn.Select(pair => (long)pair.Chosen).ToArray())).With("rejected_visits", tensor(drawn.Select(pair => (long)pair.Rejected).ToArray()));
    }
}
