using Plumbline.Plugins.Oreo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class OreoLaws
{
    private static readonly OreoOptions WithoutKl = new() { KlCoef = 0 };

    [Fact]
    public void With_one_state_a_row_the_levels_of_steps_and_responses_are_one() => Given.AnyBatch(random =>
    {
        var batch = AnyAnswers(random, steps: 1);
        Given.Same(
            new Oreo(WithoutKl with { Level = OreoLevel.Response }).Compute(batch).Value,
            new Oreo(WithoutKl with { Level = OreoLevel.Step }).Compute(batch).Value);
    });

    [Fact]
    public void At_the_reference_the_value_is_plainly_regressed_on_the_outcome() => Given.AnyBatch(random =>
    {
        var batch = AnyAnswers(random, steps: 3);
        batch.With("reference_logps", batch.Logps.detach());
        var squares = (batch.Values - batch["rewards"].unsqueeze(1)).square() * batch.Mask;
        Given.Same((squares.sum(1) / batch.Mask.sum(1)).mean(), new Oreo(new OreoOptions()).ValueLoss(batch).Value);
    });

    [Fact]
    public void With_a_small_beta_the_outcome_alone_is_regressed_on() => Given.AnyBatch(random =>
    {
        var batch = AnyAnswers(random, steps: 3);
        var squares = (batch.Values - batch["rewards"].unsqueeze(1)).square() * batch.Mask;
        Given.Same((squares.sum(1) / batch.Mask.sum(1)).mean(), new Oreo(new OreoOptions { Beta = 1e-13 }).ValueLoss(batch).Value);
    });

    [Fact]
    public void Values_that_solve_the_soft_Bellman_equation_leave_nothing_to_learn() => Given.AnyBatch(random =>
    {
        var (batch, beta) = (AnyAnswers(random, steps: 3), 0.1 + random.NextDouble());
        var toCome = ((batch.Logps - batch.ReferenceLogps) * batch.Mask).flip(1).cumsum(1).flip(1);
        batch.With("values", ((batch["rewards"].unsqueeze(1) - (beta * toCome)) * batch.Mask).detach());
        foreach (var level in Enum.GetValues<OreoLevel>())
        {
            var method = new Oreo(WithoutKl with { Beta = beta, Level = level });
            Given.Same(0, method.Compute(batch).Value);
            Given.Same(0, method.ValueLoss(batch).Value);
        }
    });

    [Fact]
    public void At_the_token_level_a_token_has_the_gradient_of_its_own_residual_alone() => Given.AnyBatch(random =>
    {
        var (batch, method) = (AnyAnswers(random, steps: 3), new Oreo(WithoutKl));
        var residuals = method.ValueLoss(batch).Tensor("residuals");
        Given.Same(2 * 0.03 * residuals / batch.Mask.sum(1, true) / batch.Mask.shape[0], method.Compute(batch).GradientOf(batch.Logps));
    });

    [Fact]
    public void At_the_step_level_all_tokens_of_a_step_share_the_gradient_of_its_state() => Given.AnyBatch(random =>
    {
        var (batch, method) = (AnyAnswers(random, steps: 3), new Oreo(WithoutKl with { Level = OreoLevel.Step }));
        var gradient = method.Compute(batch).GradientOf(batch.Logps);
        var ids = batch.StepIds;
        // A token whose step goes on from the token before has its gradient.
        var goesOn = ids.narrow(1, 1, 5).eq(ids.narrow(1, 0, 5)).logical_and(ids.narrow(1, 1, 5).ge(0)).to_type(ScalarType.Float64);
        Given.Same(goesOn * gradient.narrow(1, 0, 5), goesOn * gradient.narrow(1, 1, 5));
        Assert.True(gradient.abs().max().ToDouble() > 0);
    });

    [Fact]
    public void Both_divergences_are_zero_at_the_reference_and_pull_away_from_it_nowhere() => Given.AnyBatch(random =>
    {
        var batch = AnyAnswers(random, steps: 2);
        var logits = random.Normal(1, 4, 6, 3);
        batch.With("policy_logits", logits).With("reference_logits", logits);
        Given.Same(0, new Oreo(new OreoOptions()).Compute(batch).Tensor("kl"));
        batch.With("reference_logits", random.Normal(1, 4, 6, 3));
        Assert.True(new Oreo(new OreoOptions()).Compute(batch).Tensor("kl").ToDouble() > 0);
        Assert.True(new Oreo(new OreoOptions { KlEstimator = OreoKl.K3 }).Compute(batch).Tensor("kl").ToDouble() > 0);
    });

    [Fact]
    public void Only_the_full_divergence_asks_for_logits()
    {
        Assert.Equal(Needs.Reference | Needs.Logits | Needs.ReferenceLogits, new Oreo(new OreoOptions()).Needs);
        Assert.Equal(Needs.Reference, new Oreo(new OreoOptions { KlEstimator = OreoKl.K3 }).Needs);
        Assert.Equal(Needs.Reference, new Oreo(WithoutKl).Needs);
    }

    private static StepBatch AnyAnswers(Random random, int steps)
    {
        var mask = random.Mask(4, 6);
        long[] ids = [.. Enumerable.Range(0, 24).Select(i => (long)(i % 6 * steps / 6))];
        return new StepBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["step_ids"] = where(mask.gt(0), tensor(ids, [4, 6]), full([4, 6], -1, dtype: ScalarType.Int64)),
            ["values"] = random.Normal(1, 4, 6) * mask,
            ["rewards"] = tensor(Enumerable.Range(0, 4).Select(_ => (double)random.Next(2)).ToArray()),
        };
    }
}
