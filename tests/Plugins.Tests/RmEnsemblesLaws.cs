using Plumbline.Plugins.RmEnsembles;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class RmEnsemblesLaws
{
    [Fact]
    public void With_one_member_every_objective_returns_the_member() => Given.AnyBatch(random =>
    {
        var scores = random.Normal(1, 7, 1);
        foreach (var options in AnyOptions(random))
        {
            var outputs = RmEnsembles.Combine(scores, options);
            Given.Same(scores.squeeze(1), outputs.Tensor("rewards"));
            Given.Same(0, outputs.Tensor("variance"));
        }
    });

    [Fact]
    public void Equal_members_give_their_score_whatever_the_coefficient() => Given.AnyBatch(random =>
    {
        var score = random.Normal(1, 7, 1);
        foreach (var options in AnyOptions(random))
        {
            Given.Same(score.squeeze(1), RmEnsembles.Combine(score.expand(-1, 4), options).Tensor("rewards"));
        }
    });

    [Fact]
    public void A_coefficient_of_zero_is_the_mean_and_the_worst_is_never_above_it() => Given.AnyBatch(random =>
    {
        var scores = random.Normal(1, 6, 5);
        var mean = RmEnsembles.Combine(scores, new RmEnsemblesOptions { Objective = EnsembleObjective.Mean }).Tensor("rewards");
        Given.Same(mean, RmEnsembles.Combine(scores, new RmEnsemblesOptions { Coef = 0 }).Tensor("rewards"));
        Assert.True((RmEnsembles.Combine(scores, new RmEnsemblesOptions { Objective = EnsembleObjective.Wco }).Tensor("rewards") - mean).max().ToDouble() < 0);
        Assert.True((RmEnsembles.Combine(scores, new RmEnsemblesOptions()).Tensor("rewards") - mean).max().ToDouble() < 0);
    });

    [Fact]
    public void The_two_variances_differ_by_K_over_K_less_1() => Given.AnyBatch(random =>
    {
        var scores = random.Normal(1, 6, 5);
        Given.Same(
            RmEnsembles.Combine(scores, new RmEnsemblesOptions()).Tensor("variance") * 5 / 4,
            RmEnsembles.Combine(scores, new RmEnsemblesOptions { Variance = VarianceKind.Sample }).Tensor("variance"));
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 1)]
    [InlineData(7, 3)]
    [InlineData(7, 7)]
    [InlineData(12500, 6144)]
    public void The_weights_of_the_ranks_sum_to_1_and_the_lowest_n_less_1_ranks_have_none(int candidates, int n)
    {
        var weights = RmEnsembles.RankWeights(candidates, n);
        Assert.Equal(1, weights.Sum(), 9);
        Assert.All(weights.Take(n - 1), weight => Assert.Equal(0, weight));
        Assert.True(weights[^1] > 0);
    }

    [Fact]
    public void The_weights_are_the_ratios_of_binomials()
    {
        var weights = RmEnsembles.RankWeights(10, 4);
        for (var rank = 4; rank <= 10; rank++)
        {
            Assert.Equal(Choose(rank - 1, 3) / Choose(10, 4), weights[rank - 1], 12);
        }

        static double Choose(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, i) => product * (n - k + i) / i);
    }

    [Fact]
    public void The_estimate_of_the_proxy_never_falls_with_n_and_ends_at_the_best_candidate() => Given.AnyBatch(random =>
    {
        var (proxy, gold) = (random.Normal(1, 3, 8), random.Normal(1, 3, 8));
        double[] curve = [.. Enumerable.Range(1, 8).Select(n => RmEnsembles.BonEstimate(proxy, gold, n).Tensor("proxy").ToDouble())];
        Assert.Equal(curve.Order(), curve);
        Given.Same(proxy.mean(), RmEnsembles.BonEstimate(proxy, gold, 1).Tensor("proxy"));
        Given.Same(gold.mean(), RmEnsembles.BonEstimate(proxy, gold, 1).Tensor("gold"));
        var best = proxy.argmax(1, keepdim: true);
        Given.Same(gold.take_along_dim(best, 1).mean(), RmEnsembles.BonEstimate(proxy, gold, 8).Tensor("gold"));
    });

    [Fact]
    public void The_divergence_of_best_of_1_is_0_and_it_grows_with_n()
    {
        double[] kl = [.. Enumerable.Range(1, 50).Select(n => (double)RmEnsembles.BonKl(n)["kl"])];
        Assert.Equal(0, kl[0]);
        Assert.Equal(kl.Distinct().Order(), kl);
        Assert.Contains("n must", Assert.Throws<InvalidInputException>(() => RmEnsembles.BonKl(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Flipping_twice_with_the_same_draws_restores_the_pairs() => Given.AnyBatch(random =>
    {
        var draws = tensor(Enumerable.Range(0, 9).Select(_ => random.NextDouble()).ToArray());
        var (chosen, rejected) = (arange(27).reshape(9, 3), arange(27, 54).reshape(9, 3));
        var options = new LabelNoiseOptions { NoiseRate = random.NextDouble() };
        var once = RmEnsembles.Flip(draws, chosen, rejected, options);
        var twice = RmEnsembles.Flip(draws, once.Tensor("chosen_tokens"), once.Tensor("rejected_tokens"), options);
        Assert.True(twice.Tensor("chosen_tokens").eq(chosen).all().ToBoolean());
        Assert.True(twice.Tensor("rejected_tokens").eq(rejected).all().ToBoolean());
        Assert.True(once.Tensor("chosen_tokens").ne(chosen).any(1).eq(once.Tensor("flipped")).all().ToBoolean());
    });

    [Fact]
    public void The_best_of_each_group_is_told_in_order_of_first_appearance() => Given.AnyBatch(random =>
    {
        var (ids, rewards) = (random.GroupIds(3, 4), random.Normal(1, 12));
        var (group, reward) = (ids.data<long>().ToArray(), rewards.data<double>().ToArray());
        long[] expected = [.. group.Distinct().Select(id => (long)Enumerable.Range(0, 12).Where(i => group[i] == id).MaxBy(i => reward[i]))];
        Assert.Equal(expected, RmEnsembles.BestOfN(rewards, ids).Tensor("indices").data<long>().ToArray());
    });

    [Fact]
    public void Rewards_are_constants() => Given.AnyBatch(random =>
        Assert.False(RmEnsembles.Combine(random.Normal(1, 4, 3).requires_grad_(), new RmEnsemblesOptions()).Tensor("rewards").requires_grad));

    private static IEnumerable<RmEnsemblesOptions> AnyOptions(Random random) =>
        from objective in Enum.GetValues<EnsembleObjective>()
        from variance in Enum.GetValues<VarianceKind>()
        select new RmEnsemblesOptions { Objective = objective, Variance = variance, Coef = 3 * random.NextDouble() };
}
