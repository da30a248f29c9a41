using Plumbline.Plugins.Irpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class IrpoLaws
{
    [Fact]
    public void Two_items_of_which_the_first_is_relevant_are_half_of_DPO() => Given.AnyBatch(random =>
    {
        var logps = random.Normal(1, 3, 2).requires_grad_();
        var batch = Batch(logps, random.Normal(1, 3, 2), tensor(new double[] { 1, 0, 1, 0, 1, 0 }, [3, 2]), tensor(new long[] { 1, 2, 1, 2, 1, 2 }, [3, 2]));
        var pairs = new PairBatch
        {
            ["policy_chosen_logps"] = logps.narrow(1, 0, 1),
            ["policy_rejected_logps"] = logps.narrow(1, 1, 1),
            ["reference_chosen_logps"] = batch.ReferenceItemLogps.narrow(1, 0, 1),
            ["reference_rejected_logps"] = batch.ReferenceItemLogps.narrow(1, 1, 1),
            ["chosen_mask"] = ones([3, 1], float64),
            ["rejected_mask"] = ones([3, 1], float64),
        };
        var (irpo, dpo) = (new Irpo(new IrpoOptions { Beta = 0.4 }).Compute(batch), PairLosses.Dpo(pairs, 0.4));
        Given.Same(dpo.Value / 2, irpo.Value);
        Given.Same(dpo.GradientOf(logps) / 2, irpo.GradientOf(logps));
    });

    [Fact]
    public void A_policy_equal_to_the_reference_has_no_margin_and_log_2_times_the_mean_weight() => Given.AnyBatch(random =>
    {
        var batch = Lists(random);
        batch.With("reference_item_logps", batch.PolicyItemLogps.detach());
        var loss = new Irpo(new IrpoOptions()).Compute(batch);
        Given.Same(0, loss.Tensor("item_margins"));
        var items = batch.ItemMask.to_type(ScalarType.Float64).sum(1);
        Given.Same(where(items.ge(2), Math.Log(2) * loss.Tensor("weights").sum(1) / items, zeros_like(items)), loss.Tensor("list_losses"));
    });

    [Fact]
    public void Permuting_the_items_permutes_the_outputs() => Given.AnyBatch(random =>
    {
        var batch = Lists(random);
        long[] order = [.. Enumerable.Range(0, (int)batch.ItemMask.shape[1]).Select(i => (long)i)];
        random.Shuffle(order);
        var permuted = new ListBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name].index_select(1, tensor(order)))));
        var (loss, other) = (new Irpo(new IrpoOptions()).Compute(batch), new Irpo(new IrpoOptions()).Compute(permuted));
        Given.Same(loss.Value, other.Value);
        foreach (var name in new[] { "item_margins", "weights", "item_rewards" })
        {
            Given.Same(loss.Tensor(name).index_select(1, tensor(order)), other.Tensor(name));
        }
    });

    [Fact]
    public void Competing_with_oneself_makes_every_margin_smaller_where_competitors_are_summed() => Given.AnyBatch(random =>
    {
        var batch = Lists(random);
        var (without, with) = (Margins(batch, self: false), Margins(batch, self: true));
        Assert.True((with - without).max().ToDouble() <= 0);
        var there = batch.ItemMask.logical_and(batch.ItemMask.sum(1, true).ge(2));
        Assert.True((with - without).masked_select(there).max().ToDouble() < 0);

        static Tensor Margins(ListBatch batch, bool self) => new Irpo(new IrpoOptions { IncludeSelf = self, AverageCompetitors = false }).Compute(batch).Tensor("item_margins");
    });

    [Fact]
    public void What_a_masked_item_holds_changes_nothing_and_gets_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Lists(random);
        var absent = batch.ItemMask.logical_not();
        var nonsense = new ListBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name])));
        var logps = batch.PolicyItemLogps.detach().masked_fill(absent, 1e6).requires_grad_();
        nonsense.With("policy_item_logps", logps).With("relevance", batch.Relevance.masked_fill(absent, -3)).With("ranks", batch.Ranks.masked_fill(absent, 0));
        var (loss, other) = (new Irpo(new IrpoOptions()).Compute(batch), new Irpo(new IrpoOptions()).Compute(nonsense));
        Given.Same(loss.Value, other.Value);
        Given.Same(loss.GradientOf(batch.PolicyItemLogps), other.GradientOf(logps));
        Given.Same(0, other.GradientOf(logps).masked_fill(batch.ItemMask, 0));
    });

    [Fact]
    public void The_gradient_moves_an_item_against_its_competitors_by_their_softmax() => Given.AnyBatch(random =>
    {
        var (n, beta) = (random.Next(2, 6), 0.7);
        var logps = random.Normal(1, 1, n).requires_grad_();
        var batch = Batch(logps, random.Normal(1, 1, n), tensor(Enumerable.Range(0, n).Select(i => (double)(i % 3)).ToArray(), [1, n]), arange(1, n + 1, ScalarType.Int64).reshape(1, n));
        var loss = new Irpo(new IrpoOptions { Beta = beta }).Compute(batch);
        var (r, z, w) = (loss.Tensor("item_rewards")[0], loss.Tensor("item_margins")[0], loss.Tensor("weights")[0]);
        var expected = zeros([n], float64);
        for (var i = 0; i < n; i++)
        {
            var self = eye(n, dtype: ScalarType.Float64)[i];
            var p = self - r.masked_fill(self.gt(0), double.NegativeInfinity).softmax(0);
            expected = expected - (beta / n * w[i] * (-z[i]).sigmoid() * p);
        }

        Given.Same(expected, loss.GradientOf(logps)[0]);
    });

    [Fact]
    public void Lists_without_a_relevant_item_give_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Lists(random);
        batch.With("relevance", zeros_like(batch.Relevance));
        Given.Same(0, new Irpo(new IrpoOptions()).Compute(batch).GradientOf(batch.PolicyItemLogps));
    });

    [Fact]
    public void The_right_order_has_every_metric_at_one_and_a_relevant_item_that_falls_never_raises_one() => Given.AnyBatch(random =>
    {
        var mask = ones([1, 6], ScalarType.Bool);
        var relevance = tensor(new double[] { 2, 0, 1, 0, 0, 1 }, [1, 6]);
        var perfect = RankingMetrics.Of(relevance, relevance, mask, 3);
        Assert.All([perfect.Ndcg, perfect.Mrr, perfect.Recall], metric => Given.Same(1, metric));
        var scores = random.Normal(1, 1, 6);
        var before = RankingMetrics.Of(scores, relevance, mask, 3);
        var lower = scores - tensor(new double[] { 1, 0, 0, 0, 0, 0 }, [1, 6]);
        var after = RankingMetrics.Of(lower, relevance, mask, 3);
        Assert.All([(before.Ndcg, after.Ndcg), (before.Mrr, after.Mrr), (before.Recall, after.Recall)], pair => Assert.True(pair.Item2.ToDouble() <= pair.Item1.ToDouble() + 1e-12));
    });

    [Theory]
    [InlineData("relevance", "relevance")]
    [InlineData("ranks", "ranks")]
    [InlineData("reference_item_logps", "reference_item_logps")]
    public void A_shape_that_differs_is_refused_by_name(string input, string message)
    {
        using var scope = NewDisposeScope();
        var batch = Lists(new Random(2));
        batch.With(input, cat([batch[input], batch[input]], 1));
        Assert.Contains(message, Assert.Throws<InvalidInputException>(() => new Irpo(new IrpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rank_of_zero_is_refused()
    {
        using var scope = NewDisposeScope();
        var batch = Lists(new Random(2));
        batch.With("ranks", zeros_like(batch.Ranks));
        Assert.Contains("ranks", Assert.Throws<InvalidInputException>(() => new Irpo(new IrpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    }

    /// <summary>Lists of 0 to n items, the first of two at least.</summary>
    private static ListBatch Lists(Random random)
    {
        var (lists, n) = (random.Next(1, 5), random.Next(2, 6));
        bool[] mask = [.. Enumerable.Range(0, lists).SelectMany(g => Items(g == 0 ? random.Next(2, n + 1) : random.Next(0, n + 1)))];
        var batch = Batch(
            random.Normal(1, lists, n).requires_grad_(), random.Normal(1, lists, n),
            tensor(Enumerable.Range(0, lists * n).Select(_ => (double)random.Next(0, 3)).ToArray(), [lists, n]),
            tensor(Enumerable.Range(0, lists * n).Select(i => (i % n) + 1L).ToArray(), [lists, n]));
        batch.With("item_mask", tensor(mask, [lists, n]));
        return batch;

        IEnumerable<bool> Items(int count) => Enumerable.Range(0, n).Select(i => i < count);
    }

    private static ListBatch Batch(Tensor policy, Tensor reference, Tensor relevance, Tensor ranks) => new()
    {
        ["policy_item_logps"] = policy,
        ["reference_item_logps"] = reference,
        ["relevance"] = relevance,
        ["ranks"] = ranks,
        ["item_mask"] = ones(policy.shape, ScalarType.Bool),
    };
}
