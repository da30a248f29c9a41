using Plumbline.Plugins.Grpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GrpoLaws
{
    private static readonly GrpoOptions NoReference = new() { Beta = 0 };

    [Fact]
    public void On_policy_a_tokens_gradient_is_its_share_of_minus_the_advantage() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, offPolicy: false);
        var loss = new Grpo(NoReference).Compute(batch);
        var share = batch.Mask / batch.Mask.sum(1, true) / batch.Mask.shape[0];
        Given.Same(-batch.Advantages.unsqueeze(1) * share, loss.GradientOf(batch.Logps));
        Given.Same(1, loss.Tensor("ratio_mean"));
    });

    [Fact]
    public void Bnpo_is_dapo_over_the_batch_at_hand() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        Given.Same(
            new Grpo(NoReference with { LossType = TokenReductionKind.Bnpo }).Compute(batch).Value,
            new Grpo(NoReference with { LossType = TokenReductionKind.Dapo }).Compute(batch).Value);
    });

    [Theory]
    [InlineData(RatioLevel.Sequence)]
    [InlineData(RatioLevel.SequenceToken)]
    public void For_single_tokens_the_levels_agree(RatioLevel level) => Given.AnyBatch(random =>
    {
        var batch = Batch(random, longest: 1);
        var (token, sequence) = (new Grpo(NoReference).Compute(batch), new Grpo(NoReference with { ImportanceSamplingLevel = level }).Compute(batch));
        Given.Same(token.Value, sequence.Value);
        Given.Same(token.GradientOf(batch.Logps), sequence.GradientOf(batch.Logps));
    });

    [Fact]
    public void K3_is_never_negative_and_zero_at_equality() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 5);
        var (logps, reference) = (random.Logps(mask), random.Logps(mask));
        Assert.True(GrpoFunctions.Kl(logps, reference, mask, new KlOptions()).Tensor("per_token").min().ToDouble() >= 0);
        Given.Same(0, GrpoFunctions.Kl(logps, logps, mask, new KlOptions()).Value);
    });

    [Fact]
    public void A_constant_added_to_a_groups_rewards_changes_nothing() => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(3, 4);
        var rewards = random.Normal(1, 12);
        var moved = rewards + (ids.eq(3).to_type(ScalarType.Float64) * 5);
        Given.Same(Advantages(rewards, ids), Advantages(moved, ids));
    });

    [Fact]
    public void A_positive_factor_changes_nothing_without_epsilon() => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(3, 4);
        var rewards = random.Normal(1, 12);
        var options = new GroupRelativeOptions { StdEpsilon = 0 };
        Given.Same(Advantages(rewards, ids, options), Advantages(rewards * 7.5, ids, options));
    });

    [Fact]
    public void With_one_group_batch_scaling_is_group_scaling() => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(1, 6);
        var rewards = random.Normal(1, 6);
        Given.Same(Advantages(rewards, ids), Advantages(rewards, ids, new GroupRelativeOptions { ScaleRewards = RewardScale.Batch }));
    });

    [Theory]
    [InlineData(RewardScale.Group)]
    [InlineData(RewardScale.Batch)]
    [InlineData(RewardScale.None)]
    public void The_advantages_of_a_group_sum_to_zero(RewardScale scale) => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(3, 4);
        var advantages = Advantages(random.Normal(1, 12), ids, new GroupRelativeOptions { ScaleRewards = scale });
        Given.Same(0, new Groups(ids).Sum(advantages));
    });

    [Fact]
    public void A_clipped_token_has_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var ratio = (batch.Logps - batch.OldLogps!).detach().exp();
        var advantages = batch.Advantages.unsqueeze(1);
        var clipped = ratio.lt(0.8).logical_and(advantages.lt(0)).logical_or(ratio.gt(1.2).logical_and(advantages.gt(0))).to_type(ScalarType.Float64) * batch.Mask;
        var loss = new Grpo(NoReference).Compute(batch);
        var gradient = loss.GradientOf(batch.Logps);
        Given.Same(0, gradient * clipped);
        Assert.True((gradient.ne(0).to_type(ScalarType.Float64) + clipped - batch.Mask).abs().max().ToDouble() == 0, "every other token has one");
        Given.Same(clipped.sum() / batch.Mask.sum(), loss.Tensor("clip_ratio_region"));
    });

    [Fact]
    public void Process_supervision_with_one_step_is_the_outcome_advantage() => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(2, 3);
        var mask = random.Mask(6, 4);
        var rewards = random.Normal(1, 6);
        var process = GrpoFunctions.ProcessAdvantages(
            rewards.unsqueeze(1), ones([6, 1], float64), zeros_like(mask, ScalarType.Int64), mask, ids, new ProcessAdvantageOptions());
        Given.Same(Advantages(rewards, ids).unsqueeze(1) * mask, process.Tensor("advantages"));
    });

    [Fact]
    public void What_it_needs_follows_from_the_options()
    {
        Assert.Equal(Needs.Reference, new Grpo(new GrpoOptions()).Needs);
        Assert.Equal(Needs.None, new Grpo(NoReference).Needs);
        Assert.Equal(Needs.Entropies, new Grpo(NoReference with { EntropyCoef = 0.01 }).Needs);
        Assert.Equal(Needs.Entropies, new Grpo(NoReference with { TopEntropyQuantile = 0.2 }).Needs);
    }

    [Fact]
    public void Rules_between_options_are_told()
    {
        Assert.Contains("max_completion_length", Assert.Single(new GrpoOptions { LossType = TokenReductionKind.DrGrpo }.Check()), StringComparison.Ordinal);
        Assert.Contains("delta", Assert.Single(new GrpoOptions { EpsilonHigh = 0.5, Delta = 1.5 }.Check()), StringComparison.Ordinal);
        Assert.Empty(new GrpoOptions { EpsilonHigh = 0.5, Delta = 1.6 }.Check());
    }

    private static Tensor Advantages(Tensor rewards, Tensor ids, GroupRelativeOptions? options = null) =>
        new GroupRelative(options ?? new()).Compute(new Batch { ["rewards"] = rewards, ["group_ids"] = ids }).Tensor("advantages");

    private static GroupBatch Batch(Random random, bool offPolicy = true, int longest = 6)
    {
        var mask = random.Mask(random.Next(1, 6), longest);
        var batch = new GroupBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["mask"] = mask,
            ["advantages"] = random.Normal(1, mask.shape[0]),
        };
        batch.With("old_logps", offPolicy ? batch.Logps.detach() + (random.Normal(0.3, mask.shape) * mask) : null);
        return batch;
    }
}
