using Plumbline.Plugins.PfPpo;
using Plumbline.Plugins.Ppo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class PfPpoLaws
{
    public static TheoryData<RankFilter> Named => [RankFilter.None, RankFilter.Bon, RankFilter.Br, RankFilter.Bw];

    [Fact]
    public void Equal_weights_are_ppos_policy_loss() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var ppo = Ppo.PolicyLoss(batch.Logps, batch.OldLogps, batch.Advantages, batch.Mask, new PpoOptions());
        var none = new PfPpo(new PfPpoOptions()).Compute(batch);
        batch.With("sample_weights", full(batch.Mask.shape[0], 0.3, float64));
        var equal = new PfPpo(new PfPpoOptions()).Compute(batch);
        Given.Same(ppo.Value, none.Value);
        Given.Same(ppo.Value, equal.Value);
        Given.Same(ppo.GradientOf(batch.Logps), equal.GradientOf(batch.Logps));
    });

    [Fact]
    public void Counting_a_response_twice_is_giving_it_twice() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var index = tensor(new long[] { 0, 0, 2, 1 });
        var twice = new ActorCriticBatch(new[] { "logps", "old_logps", "advantages", "mask" }.Select(name => KeyValuePair.Create(name, (object)batch[name].index_select(0, index))));
        batch.With("sample_weights", cat([tensor(new[] { 2.0, 1, 1 }), zeros(batch.Mask.shape[0] - 3, float64)]));
        Given.Same(new PfPpo(new PfPpoOptions()).Compute(twice).Value, new PfPpo(new PfPpoOptions()).Compute(batch).Value);
    });

    [Fact]
    public void A_critic_learns_from_the_kept_responses_alone() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var values = random.Normal(1, batch.Mask.shape).requires_grad_();
        batch.With("values", values).With("old_values", random.Normal(1, batch.Mask.shape)).With("returns", random.Normal(1, batch.Mask.shape))
            .With("sample_weights", cat([tensor(new[] { 1.0, 0, 0.5 }), zeros(batch.Mask.shape[0] - 3, float64)]));
        var gradient = new PfPpo(new PfPpoOptions { ClipRangeValue = null }).Compute(batch).GradientOf(values);
        Given.Same(0, gradient[1]);
        Assert.True(gradient[0].abs().sum().ToDouble() > 0);
    });

    [Fact]
    public void Whitened_once_more_the_advantages_scale_and_offset_do_not_matter() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("sample_weights", random.Normal(1, batch.Mask.shape[0]).abs() + 0.1);
        var objective = new PfPpo(new PfPpoOptions { WhitenKept = true });
        var loss = objective.Compute(batch).Value;
        batch.With("advantages", (3 * batch.Advantages) + 7);
        // The 1e-8 beside the variance is all that differs.
        Assert.Equal(loss.ToDouble(), objective.Compute(batch).Value.ToDouble(), 1e-6);
    });

    [Theory]
    [MemberData(nameof(Named))]
    public void Weights_sum_to_1_for_every_size(RankFilter filter)
    {
        for (var size = 1; size <= 12; size++)
        {
            Given.Same(1, RankWeights.Weights(size, new RankFilterOptions { Filter = filter }).Tensor("weights").sum());
        }
    }

    [Theory]
    [MemberData(nameof(Named))]
    public void Draws_select_as_often_as_the_weights_say(RankFilter filter)
    {
        var random = new Random(3);
        var (rewards, ids) = (random.Normal(1, 5), zeros(5, int64));
        var options = new RankFilterOptions { Filter = filter };
        const int Draws = 4000;
        var chosen = RankWeights.Select(rewards, ids, tensor(Enumerable.Range(0, Draws).Select(i => (i + 0.5) / Draws).ToArray(), [1, Draws]), options).Tensor("indices").data<long>().ToArray();
        var weights = RankWeights.SampleWeights(rewards, ids, options).Tensor("sample_weights").data<double>().ToArray();
        Assert.All(weights.Index(), row => Assert.Equal(row.Item, chosen.Count(i => i == row.Index) / (double)Draws, 1e-3));
    }

    [Fact]
    public void Permuting_responses_permutes_their_weights() => Given.AnyBatch(random =>
    {
        var (rewards, ids) = (random.Normal(1, 12), random.GroupIds(3, 4));
        long[] order = [.. Enumerable.Range(0, 12).Select(i => (long)i)];
        random.Shuffle(order);
        var index = tensor(order);
        var options = new RankFilterOptions { Filter = RankFilter.Custom, Weights = [4, 3, 2, 0] };
        Given.Same(
            RankWeights.SampleWeights(rewards, ids, options).Tensor("sample_weights").index_select(0, index),
            RankWeights.SampleWeights(rewards.index_select(0, index), ids.index_select(0, index), options).Tensor("sample_weights"));
    });

    [Fact]
    public void Reliability_knows_neither_the_rewards_scale_nor_the_scores() => Given.AnyBatch(random =>
    {
        var (rewards, scores) = (random.Normal(1, 20), random.Normal(1, 20));
        foreach (var options in new[] { new ReliabilityOptions(), new ReliabilityOptions { Bins = 5 } })
        {
            Assert.Equal(RSquared(rewards, scores, options), RSquared((rewards * 3) + 2, (scores * -0.5) + 7, options), 1e-9);
        }
    });

    [Fact]
    public void A_response_that_says_its_worth_is_perfectly_reliable() => Given.AnyBatch(random =>
    {
        var rewards = random.Normal(1, 20);
        Assert.Equal(1, RSquared(rewards, (2 * rewards) - 1, new ReliabilityOptions()), 1e-9);
    });

    [Fact]
    public void Negative_weights_are_refused_by_name()
    {
        var batch = Batch(new Random(1));
        batch.With("sample_weights", full(batch.Mask.shape[0], -1.0, float64));
        Assert.Contains("sample_weights", Assert.Throws<InvalidInputException>(() => new PfPpo(new PfPpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    }

    private static double RSquared(Tensor rewards, Tensor scores, ReliabilityOptions options) => (double)Reliability.RSquared(rewards, scores, options)["r_squared"];

    private static ActorCriticBatch Batch(Random random)
    {
        var mask = random.Mask(random.Next(3, 6), 6);
        return new ActorCriticBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["advantages"] = random.Normal(1, mask.shape),
            ["mask"] = mask,
        };
    }
}
