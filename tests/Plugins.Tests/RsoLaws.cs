using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.Rso;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class RsoLaws
{
    public static TheoryData<RsoLoss> Losses => [.. Enum.GetValues<RsoLoss>()];

    [Fact]
    public void The_logistic_loss_against_a_reference_is_DPO() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var (mine, dpo) = (new Rso(new RsoOptions { Gamma = 0.2 }).Compute(batch), new Dpo(new DpoOptions { Beta = 0.2 }).Compute(batch));
        Given.Same(dpo.Value, mine.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), mine.GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void A_hinge_pulls_with_one_strength_until_its_margin_is_reached() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var loss = new Rso(new RsoOptions { Loss = RsoLoss.HingeNorm, Gamma = 0.5, Margin = random.NextDouble() }).Compute(batch);
        var unsatisfied = loss.Tensor("losses").gt(0).to_type(float64).unsqueeze(1);
        Given.Same(-0.5 / batch.ChosenMask.shape[0] * unsatisfied * batch.ChosenMask, loss.GradientOf(batch.PolicyChosenLogps));
        Given.Same(0.5 / batch.ChosenMask.shape[0] * unsatisfied * batch.RejectedMask, loss.GradientOf(batch.PolicyRejectedLogps));
    });

    [Theory]
    [MemberData(nameof(Losses))]
    public void Every_loss_raises_the_chosen_and_lowers_the_rejected_answer(RsoLoss kind) => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var loss = new Rso(new RsoOptions { Loss = kind, Gamma = 0.05 }).Compute(batch);
        Assert.True(loss.GradientOf(batch.PolicyChosenLogps).max().ToDouble() <= 0);
        Assert.True(loss.GradientOf(batch.PolicyRejectedLogps).min().ToDouble() >= 0);
        // A small gamma leaves every margin unreached, so that something pulls.
        Assert.True(loss.GradientOf(batch.PolicyChosenLogps).min().ToDouble() < 0);
    });

    [Fact]
    public void A_reference_is_kept_only_where_the_loss_is_against_one()
    {
        Assert.Equal(Needs.None, new Rso(new RsoOptions { Loss = RsoLoss.Hinge }).Needs);
        Assert.Equal(Needs.None, new Rso(new RsoOptions { Loss = RsoLoss.Sigmoid }).Needs);
        Assert.Equal(Needs.Reference, new Rso(new RsoOptions { Loss = RsoLoss.HingeNorm }).Needs);
    }

    [Fact]
    public void A_constant_added_to_a_prompts_rewards_changes_nothing() => Given.AnyBatch(random =>
    {
        var (rewards, groups, uniforms) = Candidates(random);
        var raised = rewards + (groups.to_type(float64) * 0.75) - 2;
        var (before, after) = (Accept(rewards, groups, uniforms), Accept(raised, groups, uniforms));
        Assert.Equal(before.Tensor("accepted").data<long>().ToArray(), after.Tensor("accepted").data<long>().ToArray());
    });

    [Fact]
    public void Equal_rewards_accept_the_first_ones_in_one_round() => Given.AnyBatch(random =>
    {
        var (_, groups, uniforms) = Candidates(random);
        var found = Accept(zeros([groups.shape[0]], float64), groups, uniforms);
        Assert.All(found.Tensor("rounds").data<long>().ToArray(), rounds => Assert.Equal(1, rounds));
        var ids = groups.data<long>().ToArray();
        var first = ids.Distinct().Order().SelectMany(id => Enumerable.Range(0, ids.Length).Where(i => ids[i] == id).Take(3)).Select(i => (long)i);
        Assert.Equal(first, found.Tensor("accepted").data<long>().ToArray());
    });

    [Fact]
    public void Nothing_is_accepted_twice_nor_from_another_prompt() => Given.AnyBatch(random =>
    {
        var (rewards, groups, uniforms) = Candidates(random);
        var accepted = Accept(rewards, groups, uniforms, 0.05 + random.NextDouble()).Tensor("accepted");
        var (all, ids) = (accepted.data<long>().ToArray(), groups.data<long>().ToArray());
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.All(all.Chunk(3), row => Assert.Single(row.Select(i => ids[i]).Distinct()));
    });

    [Fact]
    public void The_lower_beta_the_better_the_accepted()
    {
        double Mean(double beta) => Enumerable.Range(0, 200).Average(seed =>
        {
            using var scope = NewDisposeScope();
            var random = new Random(seed);
            var (rewards, groups, uniforms) = Candidates(random, groups: 1, size: 16);
            return rewards.index_select(0, Accept(rewards, groups, uniforms, beta).Tensor("accepted").reshape(-1)).mean().ToDouble();
        });

        double[] means = [.. new[] { 10.0, 1.0, 0.3, 0.01 }.Select(Mean)];
        Assert.Equal(means.Order(), means);
        Assert.True(means[^1] > means[0] + 1);
    }

    [Fact]
    public void In_a_tournament_every_answer_but_the_last_loses_once() => Given.AnyBatch(random =>
    {
        var k = random.Next(2, 10);
        var (strengths, order) = (random.Normal(1, k), Enumerable.Range(0, k).Select(i => (long)i).ToArray());
        random.Shuffle(order);
        var pairs = Rso.RankPairs((strengths.unsqueeze(1) - strengths.unsqueeze(0)).sigmoid(), tensor(order), new RankPairsOptions { Ranking = Ranking.Tournament });
        var rejected = pairs.Tensor("rejected_index").data<long>().ToArray();
        Assert.Equal(order.Where(i => i != strengths.argmax().ToInt64()).Order(), rejected.Order());
        Assert.Equal(strengths.argmax().ToInt64(), pairs.Tensor("chosen_index").data<long>().ToArray()[^1]);
    });

    [Fact]
    public void The_first_round_pairs_neighbours_and_leaves_an_odd_one_out() => Given.AnyBatch(random =>
    {
        var k = random.Next(2, 10);
        var strengths = random.Normal(1, k);
        var pairs = Rso.RankPairs((strengths.unsqueeze(1) - strengths.unsqueeze(0)).sigmoid(), arange(k, int64), new RankPairsOptions());
        var (chosen, rejected) = (pairs.Tensor("chosen_index").data<long>().ToArray(), pairs.Tensor("rejected_index").data<long>().ToArray());
        Assert.Equal(k / 2, chosen.Length);
        Assert.All(chosen.Zip(rejected), pair => Assert.Equal(pair.First / 2, pair.Second / 2));
        Assert.All(chosen.Zip(rejected), pair => Assert.True(strengths[pair.First].ToDouble() >= strengths[pair.Second].ToDouble()));
    });

    private static (Tensor Rewards, Tensor Groups, Tensor Uniforms) Candidates(Random random, int groups = 0, int size = 0)
    {
        groups = groups > 0 ? groups : random.Next(1, 4);
        size = size > 0 ? size : random.Next(3, 7);
        var uniforms = Enumerable.Range(0, 3 * groups * size).Select(_ => random.NextDouble()).ToArray();
        return (random.Normal(1, groups * size), random.GroupIds(groups, size), tensor(uniforms, [3, groups * size]));
    }

    private static Outputs Accept(Tensor rewards, Tensor groups, Tensor uniforms, double beta = 0.5) =>
        Rso.RejectionSample(rewards, groups, uniforms, new RejectionSamplingOptions { NumSamples = 3, Beta = beta });
}
