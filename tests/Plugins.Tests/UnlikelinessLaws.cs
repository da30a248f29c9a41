using Plumbline.Plugins.Grpo;
using Plumbline.Plugins.Unlikeliness;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class UnlikelinessLaws
{
    [Fact]
    public void Without_a_share_for_the_rank_it_is_grpo() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var loss = new Unlikeliness(new() { BetaRank = 0, Beta = 0.3 }).Compute(batch);
        batch.With("advantages", new GroupRelative(new() { StdEpsilon = 1e-6, Singleton = SingletonRule.Raw }).Compute(batch).Tensor("advantages"));
        var plain = new Grpo(new() { LossType = TokenReductionKind.Bnpo, Beta = 0.3 }).Compute(batch);
        Given.Same(plain.Value, loss.Value);
        Given.Same(plain.GradientOf(batch.Logps), loss.GradientOf(batch.Logps));
        Given.Same(plain.Tensor("kl"), loss.Tensor("kl"));
    });

    [Fact]
    public void Where_all_are_wrong_there_is_no_advantage_and_where_all_are_right_there_is() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("rewards", zeros_like(batch.Rewards));
        Given.Same(0, Advantages(batch));
        batch.With("rewards", ones_like(batch.Rewards));
        // Groups of four: no rank is the mean one.
        Assert.True(Advantages(batch).abs().min().ToDouble() > 1e-6);
        Assert.True(Advantages(batch).abs().max().ToDouble() > 0.5);
    });

    [Fact]
    public void Permuting_the_rows_permutes_the_result() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var order = tensor(new Draws(random.Next()).Permutation(12).Select(row => (long)row).ToArray());
        var moved = new GroupBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name].index_select(0, order))));
        Given.Same(Advantages(batch).index_select(0, order), Advantages(moved));
        Given.Same(new Unlikeliness(new()).Compute(batch).Value, new Unlikeliness(new()).Compute(moved).Value);
    });

    [Fact]
    public void The_likelier_a_right_completion_the_less_it_is_paid_and_never_more_than_its_reward() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var rewards = batch.Rewards.abs();
        foreach (var by in Enum.GetValues<RankScore>())
        {
            var outputs = Unlikeliness.Rewards(rewards, batch.GroupIds, batch.OldLogps!, batch.Mask, new() { RankBy = by, BetaRank = 1 });
            Assert.True(outputs.Tensor("rewards").le(rewards).all().ToBoolean());
            Assert.True(outputs.Tensor("rewards").ge(0).all().ToBoolean());
            var score = by == RankScore.MeanLogp ? Masked.RowMean(batch.OldLogps!, batch.Mask) : Masked.RowSum(batch.OldLogps!, batch.Mask);
            var same = batch.GroupIds.unsqueeze(0).eq(batch.GroupIds.unsqueeze(1));
            var less = score.unsqueeze(0).lt(score.unsqueeze(1)).logical_and(same).sum(1);
            Assert.True(less.eq(outputs.Tensor("ranks")).all().ToBoolean());
        }
    });

    [Fact]
    public void The_probe_finds_the_rank_that_an_update_raised()
    {
        var mask = ones([6, 1], float64);
        var old = tensor(new[] { -3.0, -1, -2, -2, -1, -3 }, [6, 1]);
        var ids = tensor(new long[] { 0, 0, 0, 1, 1, 1 });
        var after = old + tensor(new[] { 0.0, 1, 0, 9, 3, 0 }, [6, 1]);
        var bias = Unlikeliness.RankBias(after, old, mask, tensor(new[] { 1.0, 1, 0, 0, 1, 1 }), ids, new());
        Given.Same(tensor(new[] { 0.0, 0, 2 }), bias.Tensor("uplift"));
        Given.Same(tensor(new[] { 2.0, 0, 2 }), bias.Tensor("count"));
    }

    [Fact]
    public void Pass_at_1_is_the_share_that_is_right_and_pass_at_n_never_falls_with_n() => Given.AnyBatch(random =>
    {
        long[] samples = [.. Enumerable.Range(0, 5).Select(_ => random.NextInt64(6, 20))];
        long[] correct = [.. samples.Select(count => random.NextInt64(0, count + 1))];
        Tensor At(int n) => PassAtN.Estimate(tensor(samples), tensor(correct), new() { N = n }).Tensor("per_prompt");
        Given.Same(tensor(correct).to_type(ScalarType.Float64) / tensor(samples), At(1));
        for (var n = 2; n <= 6; n++)
        {
            Assert.True(At(n).ge(At(n - 1)).all().ToBoolean());
            for (var i = 0; i < 5; i++)
            {
                if (correct[i] == 0 || correct[i] > samples[i] - n)
                {
                    Assert.Equal(correct[i] == 0 ? 0 : 1, At(n)[i].ToDouble());
                }
            }
        }
    });

    [Fact]
    public void Pass_at_n_is_the_share_of_subsets_with_a_right_one()
    {
        // Of the ten pairs of five samples, three have none of the two right ones.
        Given.Same(0.7, PassAtN.Estimate(tensor(new long[] { 5 }), tensor(new long[] { 2 }), new() { N = 2 }).Tensor("pass_at_n"));
        Assert.Contains("correct", Assert.Throws<InvalidInputException>(() => PassAtN.Estimate(tensor(new long[] { 5 }), tensor(new long[] { 6 }), new())).Message, StringComparison.Ordinal);
        Assert.Contains("n:", Assert.Throws<InvalidInputException>(() => PassAtN.Estimate(tensor(new long[] { 5 }), tensor(new long[] { 2 }), new() { N = 0 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_controller_sets_is_in_force() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var set = new Unlikeliness(new() { BetaRank = 0.7, Beta = 0.9 }).Compute(batch);
        batch.With("beta_rank", 0.7).With("beta", 0.9);
        Given.Same(set.Value, new Unlikeliness(new()).Compute(batch).Value);
        Assert.Equal(["beta_rank", "beta"], new Unlikeliness(new()).Coefficients.Keys);
        Assert.Equal(["beta_rank"], new Unlikeliness(new() { Beta = 0 }).Coefficients.Keys);
    });

    private static Tensor Advantages(GroupBatch batch) => new Unlikeliness(new()).Compute(batch).Tensor("advantages");

    private static GroupBatch Batch(Random random)
    {
        var mask = random.Mask(12, 5);
        var logps = random.Logps(mask).requires_grad_();
        return new GroupBatch
        {
            ["logps"] = logps,
            ["old_logps"] = logps.detach() + (random.Normal(0.3, mask.shape) * mask),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["rewards"] = tensor(Enumerable.Range(0, 12).Select(_ => (double)random.Next(2)).ToArray()),
            ["group_ids"] = random.GroupIds(3, 4),
        };
    }
}
