using Plumbline.Plugins.DisCo;
using Plumbline.Plugins.Grpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class DisCoLaws
{
    [Theory]
    [InlineData(DisCoVariant.Disco)]
    [InlineData(DisCoVariant.DiscoB)]
    public void Without_an_informative_group_and_within_the_bound_nothing_moves(DisCoVariant variant) => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("rewards", (batch.GroupIds.eq(3)).to_type(ScalarType.Float64));
        var loss = new DisCo(new() { Variant = variant, Delta = 100 }).Compute(batch);
        Given.Same(0, loss.Value);
        Given.Same(0, loss.GradientOf(batch.Logps));
    });

    [Fact]
    public void Groups_without_a_difference_have_no_gradient_beside_groups_with_one() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var still = batch.GroupIds.eq(3);
        batch.With("rewards", batch.Rewards.masked_fill(still, random.Next(2)));
        var gradient = new DisCo(new() { Delta = 100 }).Compute(batch).GradientOf(batch.Logps);
        Given.Same(0, gradient * still.to_type(ScalarType.Float64).unsqueeze(1));
        Assert.True(gradient.isfinite().all().ToBoolean());
    });

    [Fact]
    public void The_soft_maximum_is_at_least_the_mean_so_the_objective_is_lower() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var tau = Math.Exp((4 * random.NextDouble()) - 2);
        Assert.True(Objective(new() { Tau = tau }, batch) <= Objective(new() { Variant = DisCoVariant.DiscoB }, batch) + 1e-12);
        // A hot soft maximum is the mean, a cold one the hardest.
        Assert.Equal(Objective(new() { Variant = DisCoVariant.DiscoB }, batch), Objective(new() { Tau = 1e7 }, batch), 1e-5);
    });

    [Theory]
    [InlineData(DisCoVariant.Disco)]
    [InlineData(DisCoVariant.DiscoB)]
    public void A_constant_added_to_every_score_of_a_question_changes_nothing(DisCoVariant variant) => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var moved = new GroupBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name])));
        moved.With("logps", batch.Logps + (1.3 * batch.GroupIds.eq(3).to_type(ScalarType.Float64).unsqueeze(1) * batch.Mask));
        Assert.Equal(Objective(new() { Variant = variant }, batch), Objective(new() { Variant = variant }, moved), 1e-9);
    });

    [Fact]
    public void On_policy_without_a_penalty_a_right_answers_token_has_its_plain_share() => Given.AnyBatch(random =>
    {
        var batch = OnPolicy(Batch(random));
        var gradient = new DisCo(new() { Score = LikelihoodScore.LikelihoodRatio, Variant = DisCoVariant.DiscoB, Penalty = 0 }).Compute(batch).GradientOf(batch.Logps);
        var groups = new Groups(batch.GroupIds);
        var (right, wrong) = (groups.Sum(batch.Rewards), groups.Sum(1 - batch.Rewards));
        var valid = right.gt(0).logical_and(wrong.gt(0)).to_type(ScalarType.Float64);
        var share = groups.Spread(valid / right.clamp_min(1)) / batch.Mask.sum(1) / groups.Count;
        var rights = batch.Rewards.unsqueeze(1);
        Given.Same(-share.unsqueeze(1) * batch.Mask * rights, gradient * rights);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void Grpo_weighs_a_question_by_the_spread_of_its_rewards_and_disco_does_not(int right)
    {
        var share = right / 8.0;
        var batch = new GroupBatch
        {
            ["logps"] = tensor(Enumerable.Range(0, 8).Select(i => -1 - (i * 0.1)).ToArray(), [8, 1]).requires_grad_(),
            ["mask"] = ones([8, 1], float64),
            ["rewards"] = tensor(Enumerable.Range(0, 8).Select(i => i < right ? 1.0 : 0.0).ToArray()),
            ["group_ids"] = zeros([8], ScalarType.Int64),
        };
        var disco = new DisCo(new() { Score = LikelihoodScore.LikelihoodRatio, Variant = DisCoVariant.DiscoB }).Compute(batch).GradientOf(batch.Logps);
        Given.Same(Math.Sqrt(share * (1 - share)) * disco, Grpo(RewardScale.Group));
        Given.Same(share * (1 - share) * disco, Grpo(RewardScale.None));
        var weights = DisCo.QuestionWeight(tensor(new[] { share }), new()).Tensor("weights");
        Given.Same(Math.Sqrt(share * (1 - share)), weights);

        Tensor Grpo(RewardScale scale)
        {
            batch.With("advantages", new GroupRelative(new() { ScaleRewards = scale, StdDdof = 0, StdEpsilon = 0 }).Compute(batch).Tensor("advantages"));
            return new Grpo(new() { Beta = 0 }).Compute(batch).GradientOf(batch.Logps);
        }
    }

    [Fact]
    public void The_penalty_pulls_back_by_the_excess_times_the_gradient_of_the_divergence() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var (free, bound) = (new DisCo(new() { Penalty = 0 }).Compute(batch), new DisCo(new() { Penalty = 50, Delta = 0.01 }).Compute(batch));
        var excess = Math.Max(0, bound.Tensor("kl").ToDouble() - 0.01);
        Given.Same(50 * excess * -batch.Mask / batch.Mask.sum(), bound.GradientOf(batch.Logps) - free.GradientOf(batch.Logps));
    });

    [Fact]
    public void Without_old_logps_the_policy_is_the_one_that_sampled() => Given.AnyBatch(random =>
    {
        var batch = OnPolicy(Batch(random));
        var loss = new DisCo(new() { Score = LikelihoodScore.LikelihoodRatio }).Compute(batch);
        Given.Same(0, loss.Tensor("kl"));
        Given.Same(1, loss.Tensor("scores"));
        batch.With("old_logps", batch.Logps.detach());
        var told = new DisCo(new() { Score = LikelihoodScore.LikelihoodRatio }).Compute(batch);
        Given.Same(told.GradientOf(batch.Logps), loss.GradientOf(batch.Logps));
    });

    private static double Objective(DisCoOptions options, GroupBatch batch) => new DisCo(options).Compute(batch).Tensor("objective").ToDouble();

    private static GroupBatch OnPolicy(GroupBatch batch) =>
        new(batch.Names.Where(name => name != "old_logps").Select(name => KeyValuePair.Create(name, (object)batch[name])));

    private static GroupBatch Batch(Random random)
    {
        var mask = random.Mask(12, 4);
        var logps = random.Logps(mask).requires_grad_();
        return new GroupBatch
        {
            ["logps"] = logps,
            ["old_logps"] = logps.detach() + (random.Normal(0.3, mask.shape) * mask),
            ["mask"] = mask,
            ["rewards"] = tensor(Enumerable.Range(0, 12).Select(_ => (double)random.Next(2)).ToArray()),
            ["group_ids"] = random.GroupIds(3, 4),
        };
    }
}
