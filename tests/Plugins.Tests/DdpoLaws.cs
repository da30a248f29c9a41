using Plumbline.Plugins.Ddpo;
using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class DdpoLaws
{
    [Fact]
    public void On_policy_the_importance_weights_have_the_score_functions_gradient() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("old_logps", batch.Logps.detach());
        var (weights, score) = (new Ddpo(new DdpoOptions()), new Ddpo(new DdpoOptions { Estimator = PolicyGradient.Sf }));
        Given.Same(score.Compute(batch).GradientOf(batch.Logps), weights.Compute(batch).GradientOf(batch.Logps));
        Assert.True(score.OnPolicyOnly && !weights.OnPolicyOnly);
    });

    [Fact]
    public void Without_old_densities_the_ratio_is_exactly_1() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var loss = new Ddpo(new DdpoOptions { ClipRange = 0 }).Compute(new TransitionBatch { ["logps"] = batch.Logps, ["mask"] = batch.Mask, ["advantages"] = batch.Advantages });
        Given.Same(0, loss.Tensor("clip_fraction"));
        Given.Same(0, loss.Tensor("approx_kl"));
    });

    [Fact]
    public void A_row_that_is_masked_does_not_count() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, rows: 3);
        var mask = batch.Mask.clone();
        mask[2] = zeros(mask.shape[1], float64);
        var shorter = new TransitionBatch
        {
            ["logps"] = batch.Logps.narrow(0, 0, 2), ["old_logps"] = batch.OldLogps!.narrow(0, 0, 2), ["mask"] = mask.narrow(0, 0, 2), ["advantages"] = batch.Advantages.narrow(0, 0, 2),
        };
        Given.Same(new Ddpo(new DdpoOptions()).Compute(shorter).Value, new Ddpo(new DdpoOptions()).Compute((TransitionBatch)batch.With("mask", mask)).Value);
    });

    [Fact]
    public void The_advantage_of_a_row_is_that_of_each_of_its_steps() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var expected = new Ddpo(new DdpoOptions()).Compute(batch).Value;
        batch.With("advantages", batch.Advantages.unsqueeze(1).expand_as(batch.Mask));
        Given.Same(expected, new Ddpo(new DdpoOptions()).Compute(batch).Value);
    });

    [Fact]
    public void The_divergence_can_be_steered_where_it_begins_above_0() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("step_kl", random.Normal(1, batch.Mask.shape).abs());
        var expected = new Ddpo(new DdpoOptions { KlWeight = 0.3 }).Compute(batch).Value;
        var ddpo = new Ddpo(new DdpoOptions { KlWeight = 0.01 });
        Assert.Equal(["kl_weight"], ddpo.Coefficients.Keys);
        Assert.Equal(Needs.Reference, ddpo.Needs);
        batch.With("kl_weight", 0.3);
        Given.Same(expected, ddpo.Compute(batch).Value);
        Assert.Empty(new Ddpo(new DdpoOptions()).Coefficients);
    });

    [Fact]
    public void A_batch_without_a_step_is_refused() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("mask", zeros_like(batch.Mask));
        Assert.Contains("mask", Assert.Throws<InvalidInputException>(() => new Ddpo(new DdpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Rewards_of_earlier_steps_count_until_the_buffer_is_full_of_newer_ones() => Given.AnyBatch(random =>
    {
        var options = new PerPromptOptions { BufferSize = 4, MinCount = 1 };
        var (rewards, ids) = (random.Normal(1, 4), zeros(4, int64));
        var (past, pastIds) = (random.Normal(1, 9), zeros(9, int64));
        Outputs Of(Tensor history, Tensor historyIds) => PerPrompt.Advantages(rewards, ids, historyIds, history, options);
        var full = Of(past, pastIds);
        Given.Same(Of(past.narrow(0, 0, 0), pastIds.narrow(0, 0, 0)).Tensor("advantages"), full.Tensor("advantages"));
        Assert.Equal(4, full.Tensor("counts").ToInt64());
    });

    [Fact]
    public void Prompts_do_not_see_each_others_rewards() => Given.AnyBatch(random =>
    {
        var options = new PerPromptOptions { BufferSize = 8, MinCount = 2 };
        var rewards = random.Normal(1, 4);
        var ids = tensor(new long[] { 5, 2, 5, 2 });
        Tensor Of(Tensor values) => PerPrompt.Advantages(values, ids, zeros(0, int64), zeros(0, float64), options).Tensor("advantages");
        var changed = rewards + tensor(new double[] { 0, 3, 0, -7 });
        Given.Same(Of(rewards).index_select(0, tensor(new long[] { 0, 2 })), Of(changed).index_select(0, tensor(new long[] { 0, 2 })));
    });

    [Fact]
    public void A_shift_of_a_groups_rewards_changes_no_advantage_and_equal_rewards_have_none() => Given.AnyBatch(random =>
    {
        var ids = random.GroupIds(3, 4);
        var rewards = random.Normal(1, 12);
        Tensor Of(Tensor values) => SampleGroups.Advantages(values, ids, new SampleGroupsOptions()).Tensor("advantages");
        Given.Same(Of(rewards), Of(rewards + ids.to_type(float64)));
        var equal = SampleGroups.Advantages(ids.to_type(float64), ids, new SampleGroupsOptions());
        Given.Same(0, equal.Tensor("advantages"));
        Assert.False(equal.Tensor("informative").any().ToBoolean());
    });

    [Fact]
    public void Both_stochastic_flows_are_eulers_step_without_noise_and_have_one_mean_where_their_coefficients_agree() => Given.AnyBatch(random =>
    {
        var (x, v) = (random.Normal(1, 3, 4), random.Normal(1, 3, 4));
        var (from, to) = (tensor(new[] { 0.9, 0.5, 0.2 }), tensor(new[] { 0.7, 0.3, 0.1 }));
        var euler = DiffusionSteps.FlowEuler(v, x, from, to);
        foreach (var kind in Enum.GetValues<FlowSdeKind>())
        {
            var still = FlowSde.Step(v, x, from, to, new FlowSdeOptions { Kind = kind, NoiseLevel = 0, Eta = 0 });
            Given.Same(euler, still.Mean);
            Given.Same(0, still.Std);
        }

        for (var row = 0; row < 3; row++)
        {
            Tensor Row(Tensor values) => values.narrow(0, row, 1);
            var grpo = new FlowSdeOptions { NoiseLevel = 0.7 };
            var dance = new FlowSdeOptions { Kind = FlowSdeKind.Dance, Eta = FlowSde.Coefficient(Row(from), Row(to), grpo).ToDouble() };
            Given.Same(FlowSde.Step(Row(v), Row(x), Row(from), Row(to), grpo).Mean, FlowSde.Step(Row(v), Row(x), Row(from), Row(to), dance).Mean);
        }
    });

    [Fact]
    public void A_flow_whose_noise_does_not_fall_is_refused()
    {
        var (x, sigma) = (zeros(1, 2, float64), tensor(new[] { 0.5 }));
        Assert.Contains("sigmas", Assert.Throws<InvalidInputException>(() => FlowSde.Step(x, x, sigma, sigma, new FlowSdeOptions())).Message, StringComparison.Ordinal);
        var whole = ones(1, float64);
        Assert.Contains("first_sigma", Assert.Throws<InvalidInputException>(() => FlowSde.Step(x, x, whole, sigma, new FlowSdeOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_divergence_of_equal_steps_is_0_and_that_of_others_is_of_second_order() => Given.AnyBatch(random =>
    {
        var (means, stds) = (random.Normal(1, 2, 3, 4), random.Normal(1, 2, 3).abs() + 0.1);
        Given.Same(0, StepDivergence.Of(means, means, stds));
        var apart = random.Normal(1, 2, 3, 4);
        Given.Same(4 * StepDivergence.Of(means, means + apart, stds), StepDivergence.Of(means, means + (2 * apart), stds));
    });

    [Fact]
    public void Weights_of_a_regression_have_a_mean_of_1_and_with_equal_advantages_it_is_plain_denoising() => Given.AnyBatch(random =>
    {
        Given.Same(1, RewardWeights.Of(random.Normal(2, 9), new RewardWeightsOptions { InverseTemperature = 3 }).Tensor("weights").mean());
        var errors = random.Normal(1, 9).abs().requires_grad_();
        var batch = new TransitionBatch { ["errors"] = errors, ["mask"] = ones(9, float64), ["advantages"] = full(9, 0.7, float64) };
        Given.Same(errors.mean(), new RewardWeights(new RewardWeightsOptions()).Compute(batch).Value);
    });

    private static TransitionBatch Batch(Random random, int rows = 4, int steps = 5)
    {
        var logps = random.Normal(1, rows, steps);
        return new TransitionBatch
        {
            ["logps"] = logps.requires_grad_(),
            ["old_logps"] = logps.detach() + random.Normal(1e-4, rows, steps),
            ["mask"] = random.Mask(rows, steps),
            ["advantages"] = random.Normal(1, rows),
        };
    }
}
