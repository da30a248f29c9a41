using Plumbline.Plugins.DirectAdvantage;
using TorchSharp;
using static TorchSharp.torch;
using Method = Plumbline.Plugins.DirectAdvantage.DirectAdvantage;

namespace Plumbline.Tests.Plugins;

public sealed class DirectAdvantageLaws
{
    [Fact]
    public void The_advantages_of_an_answer_sum_to_its_outcome_less_the_value_of_its_start() => Given.AnyBatch(random =>
    {
        var (values, mask) = (random.Normal(1, 5, 4).sigmoid(), random.Mask(5, 4));
        var outcomes = tensor(Enumerable.Range(0, 5).Select(_ => (double)random.Next(2)).ToArray());
        var advantages = Method.Advantages(values, mask, outcomes, new StepAdvantageOptions()).Tensor("advantages");
        Given.Same(outcomes - values.select(1, 0), advantages.sum(1));
        Given.Same(0, advantages * (1 - mask));
    });

    [Fact]
    public void Under_a_constant_critic_only_the_last_step_has_a_signal() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(5, 4);
        var advantages = Method.Advantages(full([5, 4], 0.3, dtype: ScalarType.Float64), mask, ones([5], ScalarType.Float64), new StepAdvantageOptions()).Tensor("advantages");
        var last = mask - cat([mask.narrow(1, 1, 3), zeros([5, 1], ScalarType.Float64)], 1);
        Given.Same(0.7 * last, advantages);
    });

    [Fact]
    public void An_answer_of_one_step_regresses_its_whole_log_ratio() => Given.AnyBatch(random =>
    {
        var (batch, beta) = (AnySteps(random, steps: 1), 0.1 + random.NextDouble());
        var whole = ((batch.Logps - batch.ReferenceLogps) * batch.Mask).sum(1);
        Given.Same((((batch.Advantages.squeeze(1) / beta) - whole).square() / 2).mean(), new Method(new DirectAdvantageOptions { Beta = beta }).Compute(batch).Value);
    });

    [Fact]
    public void At_the_reference_the_gradient_is_the_policy_gradient_of_the_advantages_over_beta() => Given.AnyBatch(random =>
    {
        var given = AnySteps(random, steps: 3);
        var logps = given.ReferenceLogps.clone().requires_grad_();
        var batch = With(given, "logps", logps);
        var (beta, ids) = (0.1 + random.NextDouble(), batch.StepIds.clamp_min(0));
        var perToken = batch.Advantages.take_along_dim(ids, 1) * batch.Mask;
        var steps = (batch["steps_with_tokens"]).sum();
        Given.Same(-perToken / beta / steps, new Method(new DirectAdvantageOptions { Beta = beta }).Compute(batch).GradientOf(logps));
    });

    [Fact]
    public void Without_advantages_the_policy_is_pulled_back_to_the_reference() => Given.AnyBatch(random =>
    {
        var batch = With(AnySteps(random, steps: 3), "advantages", zeros([4, 3], ScalarType.Float64));
        Given.Same(0, new Method(new DirectAdvantageOptions()).Compute(With(batch, "logps", batch.ReferenceLogps.clone().requires_grad_())).Value);
        Assert.True(new Method(new DirectAdvantageOptions()).Compute(batch).Value.ToDouble() > 0);
    });

    [Fact]
    public void Where_every_answer_has_as_many_steps_both_reductions_agree() => Given.AnyBatch(random =>
    {
        var batch = With(With(AnySteps(random, steps: 3), "mask", ones([4, 6], ScalarType.Float64)), "step_ids", arange(6).div(2, RoundingMode.floor).to_type(ScalarType.Int64).expand(4, 6));
        Given.Same(
            new Method(new DirectAdvantageOptions()).Compute(batch).Value,
            new Method(new DirectAdvantageOptions { Reduction = StepReduction.Sequence }).Compute(batch).Value);
    });

    [Fact]
    public void A_critic_that_says_the_targets_has_no_gradient() => Given.AnyBatch(random =>
    {
        var logits = random.Normal(1, 6).requires_grad_();
        var loss = Method.CriticLoss(logits, logits.detach().sigmoid());
        Given.Same(0, loss.GradientOf(logits));
        Given.Same(logits.detach().sigmoid(), loss.Tensor("predictions"));
    });

    [Fact]
    public void Masked_completions_do_not_count() => Given.AnyBatch(random =>
    {
        var (mask, outcomes) = (random.Mask(4, 5), random.Normal(1, 4, 5).sigmoid());
        var values = Method.McValues(outcomes, mask);
        Given.Same(values.Tensor("values"), Method.McValues(where(mask.gt(0), outcomes, full_like(outcomes, 7)), mask).Tensor("values"));
        Given.Same(mask.sum(1), values.Tensor("counts").to_type(ScalarType.Float64));
    });

    private static StepBatch AnySteps(Random random, int steps)
    {
        var mask = random.Mask(4, 6);
        long[] ids = [.. Enumerable.Range(0, 24).Select(i => (long)(i % 6 * steps / 6))];
        var stepIds = where(mask.gt(0), tensor(ids, [4, 6]), full([4, 6], -1, dtype: ScalarType.Int64));
        return (StepBatch)new StepBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["step_ids"] = stepIds,
            ["advantages"] = random.Normal(1, 4, steps),
        }.With("steps_with_tokens", stack([.. Enumerable.Range(0, steps).Select(step => stepIds.eq(step).any(1))], 1).to_type(ScalarType.Float64));
    }

    private static StepBatch With(StepBatch batch, string name, Tensor value) =>
        (StepBatch)new StepBatch(batch.Names.Select(other => KeyValuePair.Create(other, (object)batch[other]))).With(name, value);
}
