using Plumbline.Plugins.Ppo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class PpoLaws
{
    [Fact]
    public void Without_values_and_discounts_an_advantage_is_the_sum_of_the_rewards_to_come() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var rewards = random.Normal(1, 4, 6) * mask;
        var advantages = Estimate(rewards, zeros_like(mask), mask, new GaeOptions { Lam = 1, WhitenAdvantages = false }).Tensor("advantages");
        Given.Same(rewards.flip(1).cumsum(1).flip(1) * mask, advantages);
    });

    [Fact]
    public void With_lambda_zero_an_advantage_is_the_one_step_error() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (rewards, values) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6));
        var advantages = Estimate(rewards, values, mask, new GaeOptions { Lam = 0, Gamma = 0.9, WhitenAdvantages = false }).Tensor("advantages");
        var real = values * mask;
        var next = cat([real.narrow(1, 1, 5), zeros([4, 1], float64)], 1);
        Given.Same((rewards + (0.9 * next) - values) * mask, advantages);
    });

    [Fact]
    public void Padding_leaks_into_nothing() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (rewards, values) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6));
        var padding = (1 - mask) * 100;
        var options = new GaeOptions { WhitenRewards = true };
        var (clean, dirty) = (Estimate(rewards * mask, values * mask, mask, options), Estimate(rewards + padding, values - padding, mask, options));
        Given.Same(clean.Tensor("advantages"), dirty.Tensor("advantages"));
        Given.Same(clean.Tensor("returns"), dirty.Tensor("returns"));
    });

    [Fact]
    public void Whitened_advantages_have_mean_0_and_variance_1() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var advantages = Estimate(random.Normal(1, 4, 6), random.Normal(1, 4, 6), mask, new GaeOptions()).Tensor("advantages");
        var n = mask.sum();
        Given.Same(0, advantages.sum());
        // The 1e-8 inside the root takes that share of the variance off.
        Assert.InRange((advantages.square().sum() / (n - 1)).ToDouble(), 1 - 1e-5, 1 + 1e-9);
    });

    [Fact]
    public void Without_penalty_a_single_token_earns_the_score() => Given.AnyBatch(random =>
    {
        var mask = ones([5, 1], float64);
        var scores = random.Normal(1, 5);
        Given.Same(scores.unsqueeze(1), Shape(scores, random.Logps(mask), random.Logps(mask), mask, new KlPenaltyOptions { KlCoef = 0 }).Tensor("token_rewards"));
    });

    [Theory]
    [InlineData(KlPenaltyEstimator.K1)]
    [InlineData(KlPenaltyEstimator.K3)]
    [InlineData(KlPenaltyEstimator.Abs)]
    [InlineData(KlPenaltyEstimator.Mse)]
    public void A_reference_equal_to_the_sampling_policy_costs_nothing(KlPenaltyEstimator estimator) => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var logps = random.Logps(mask);
        var shaped = Shape(random.Normal(1, 4), logps, logps, mask, new KlPenaltyOptions { KlEstimator = estimator });
        Given.Same(0, shaped.Tensor("kl"));
        Given.Same(0, shaped.Tensor("mean_kl"));
    });

    [Fact]
    public void A_coefficient_in_the_batch_takes_the_options_place() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (old, reference, scores) = (random.Logps(mask), random.Logps(mask), random.Normal(1, 4));
        var batch = new Batch { ["rewards"] = scores, ["old_logps"] = old, ["reference_logps"] = reference, ["mask"] = mask };
        Given.Same(
            Shape(scores, old, reference, mask, new KlPenaltyOptions { KlCoef = 0.3 }).Tensor("token_rewards"),
            new KlPenalty(new KlPenaltyOptions { KlCoef = 0.05 }).Compute(batch.With("kl_coef", 0.3)).Tensor("token_rewards"));
    });

    [Fact]
    public void On_policy_the_loss_is_minus_the_mean_advantage_and_nothing_is_clipped() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var logps = random.Logps(mask);
        var advantages = random.Normal(1, 4, 6);
        var loss = Ppo.PolicyLoss(logps, logps.detach(), advantages, mask, new PpoOptions());
        Given.Same(-(advantages * mask).sum() / mask.sum(), loss.Value);
        Given.Same(0, loss.Tensor("clip_fraction"));
        Given.Same(0, loss.Tensor("approx_kl"));
    });

    [Fact]
    public void No_value_clip_is_a_very_wide_one() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (values, old, returns) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6), random.Normal(1, 4, 6));
        Given.Same(
            Ppo.ValueLoss(values, old, returns, mask, new PpoOptions { ClipRangeValue = null }).Value,
            Ppo.ValueLoss(values, old, returns, mask, new PpoOptions { ClipRangeValue = 1e9 }).Value);
    });

    [Fact]
    public void The_controller_holds_still_at_its_target_and_moves_towards_it()
    {
        var controller = new AdaptiveKl(new AdaptiveKlOptions { Target = 4, Horizon = 100 });
        Assert.Equal(0.1, Next(null));
        Assert.Equal(0.1, Next(4));
        Assert.True(Next(5) > 0.1);
        Assert.True(Next(3) < 0.1);

        double Next(double? measured) => controller.Next(new ControlState(0.1, 1, 10, measured, 64));
    }

    private static Outputs Estimate(Tensor rewards, Tensor values, Tensor mask, GaeOptions options) =>
        new Gae(options).Compute(new Batch { ["token_rewards"] = rewards, ["values"] = values, ["mask"] = mask });

    private static Outputs Shape(Tensor scores, Tensor old, Tensor reference, Tensor mask, KlPenaltyOptions options) =>
        new KlPenalty(options).Compute(new Batch { ["rewards"] = scores, ["old_logps"] = old, ["reference_logps"] = reference, ["mask"] = mask });
}
