using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.FDpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class FDpoLaws
{
    [Fact]
    public void Under_reverse_KL_it_is_DPO() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var (ours, dpo) = (new FDpo(new FDpoOptions { Beta = 0.3 }).Compute(batch), new Dpo(new DpoOptions { Beta = 0.3 }).Compute(batch));
        Given.Same(dpo.Value, ours.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), ours.GradientOf(batch.PolicyChosenLogps));
        Given.Same(dpo.GradientOf(batch.PolicyRejectedLogps), ours.GradientOf(batch.PolicyRejectedLogps));
        foreach (var name in new[] { "losses", "chosen_rewards", "rejected_rewards", "accuracy" })
        {
            Given.Same(dpo.Tensor(name), ours.Tensor(name));
        }
    });

    [Fact]
    public void An_alpha_near_one_is_forward_KL_and_near_zero_DPO() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        Near(Loss(batch, DivergenceKind.ForwardKl), Loss(batch, DivergenceKind.AlphaDivergence, 1 - 1e-7));
        Near(Loss(batch, DivergenceKind.ReverseKl), Loss(batch, DivergenceKind.AlphaDivergence, 1e-7));

        static void Near(Tensor expected, Tensor actual) => Assert.Equal(expected.ToDouble(), actual.ToDouble(), 1e-3 * (1 + Math.Abs(expected.ToDouble())));
    });

    [Fact]
    public void A_policy_equal_to_the_reference_has_loss_log_2_under_every_divergence() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var still = batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps));
        Assert.All(Enum.GetValues<DivergenceKind>(), kind => Given.Same(Math.Log(2), Loss(still, kind)));
    });

    [Fact]
    public void Where_the_exponent_is_clamped_the_gradient_is_zero() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var lost = batch.But(("policy_chosen_logps", (batch.PolicyChosenLogps.detach() - 50).requires_grad_()));
        var loss = new FDpo(new FDpoOptions { Divergence = DivergenceKind.ForwardKl, ClampExponent = 5, Beta = 0.01 }).Compute(lost);
        Given.Same(0, loss.GradientOf(lost.PolicyChosenLogps));
        Assert.True(loss.GradientOf(lost.PolicyRejectedLogps).abs().max().ToDouble() > 0);
    });

    [Fact]
    public void A_divergence_is_zero_at_the_reference_and_positive_elsewhere() => Given.AnyBatch(random =>
    {
        var (reference, policy) = (Distribution(random), Distribution(random));
        Assert.All(Enum.GetValues<DivergenceKind>(), kind =>
        {
            var options = new FDpoOptions { Divergence = kind, Alpha = 0.1 + (0.8 * random.NextDouble()) };
            Given.Same(0, FDpo.Divergence(reference, reference, options).Tensor("divergence"));
            Assert.True(FDpo.Divergence(policy, reference, options).Tensor("divergence").ToDouble() > 0);
        });
    });

    [Fact]
    public void No_other_policy_earns_more_reward_less_divergence_than_the_optimal_one() => Given.AnyBatch(random =>
    {
        var (reference, rewards) = (Distribution(random), random.Normal(2, 6));
        Assert.All(Enum.GetValues<DivergenceKind>(), kind =>
        {
            var options = new FDpoOptions { Divergence = kind, Beta = 0.2 + random.NextDouble(), Alpha = 0.1 + (0.8 * random.NextDouble()) };
            var best = FDpo.OptimalPolicy(reference, rewards, options).Tensor("probabilities");
            Given.Same(1, best.sum());
            foreach (var step in new[] { 1e-3, 0.1, 0.9 })
            {
                var other = ((1 - step) * best) + (step * Distribution(random));
                Assert.True(Value(other) <= Value(best) + 1e-9);
            }

            double Value(Tensor policy) => ((policy * rewards).sum() - (options.Beta * FDpo.Divergence(policy, reference, options).Tensor("divergence"))).ToDouble();
        });
    });

    [Fact]
    public void The_score_of_the_optimal_policy_differs_from_the_reward_by_a_constant() => Given.AnyBatch(random =>
    {
        var (reference, rewards) = (Distribution(random), random.Normal(1, 6));
        Assert.All(Enum.GetValues<DivergenceKind>(), kind =>
        {
            var options = new FDpoOptions { Divergence = kind, Beta = 0.5 };
            var logps = FDpo.OptimalPolicy(reference, rewards, options).Tensor("probabilities").log().unsqueeze(1);
            var reward = new FDpo(options).Compute(new PairBatch
            {
                ["policy_chosen_logps"] = logps,
                ["policy_rejected_logps"] = logps,
                ["reference_chosen_logps"] = reference.log().unsqueeze(1),
                ["reference_rejected_logps"] = reference.log().unsqueeze(1),
                ["chosen_mask"] = ones_like(logps),
                ["rejected_mask"] = ones_like(logps),
            }).Tensor("chosen_rewards");
            Given.Same(rewards - rewards[0], reward - reward[0]);
        });
    });

    [Fact]
    public void Calibration_is_perfect_where_each_bin_is_right_as_often_as_it_says()
    {
        var confidences = tensor(new[] { 0.75, 0.75, 0.75, 0.75, 0.5, 0.5 });
        var correct = tensor(new[] { true, true, true, false, true, false });
        Given.Same(0, FDpo.CalibrationError(confidences, correct, new CalibrationOptions()).Tensor("ece"));
        Given.Same(0.5, FDpo.CalibrationError(confidences.narrow(0, 4, 2), tensor(new[] { true, true }), new CalibrationOptions()).Tensor("ece"));
    }

    [Theory]
    [InlineData(0.5, 0.6)]
    [InlineData(1.0, 0.0)]
    public void A_reference_that_is_no_distribution_of_positive_numbers_is_refused(double first, double second) => Assert.Contains(
        "reference_probabilities",
        Assert.Throws<InvalidInputException>(() => FDpo.OptimalPolicy(tensor(new[] { first, second }), tensor(new[] { 0.0, 1.0 }), new FDpoOptions())).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_confidence_above_one_is_refused() => Assert.Contains(
        "confidences",
        Assert.Throws<InvalidInputException>(() => FDpo.CalibrationError(tensor(new[] { 1.2 }), tensor(new[] { true }), new CalibrationOptions())).Message,
        StringComparison.Ordinal);

    private static Tensor Loss(PairBatch batch, DivergenceKind kind, double alpha = 0.5) => new FDpo(new FDpoOptions { Divergence = kind, Alpha = alpha }).Compute(batch).Value.detach();

    private static Tensor Distribution(Random random) => random.Normal(1, 6).softmax(0);
}
