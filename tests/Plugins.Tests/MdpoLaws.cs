using Plumbline.Plugins.Mdpo;
using Plumbline.Training;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class MdpoLaws
{
    [Fact]
    public void At_the_old_policy_the_loss_is_minus_the_mean_advantage() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("old_logps", batch.Logps.detach());
        var loss = new Mdpo(new MdpoOptions { StepSize = 0.1 }).Compute(batch);
        Given.Same(-Masked.Mean(batch.Advantages, batch.Mask), loss.Value);
        Given.Same(0, loss.Tensor("mean_kl"));
    });

    [Fact]
    public void There_the_gradient_is_the_policy_gradients_and_the_sampled_divergence_adds_a_constant() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("old_logps", batch.Logps.detach());
        const double step = 0.4;
        var (mask, n) = (batch.Mask, batch.Mask.sum());
        var mdpo = new Mdpo(new MdpoOptions { StepSize = step });
        Given.Same(((1 / step) - batch.Advantages) * mask / n, mdpo.Compute(batch).GradientOf(batch.Logps));
        batch.With("kl", zeros_like(mask));
        Given.Same(-batch.Advantages * mask / n, mdpo.Compute(batch).GradientOf(batch.Logps));
    });

    [Fact]
    public void With_a_table_and_exact_advantages_the_best_policy_is_the_old_one_times_the_exponential_of_the_step() => Given.AnyBatch(random =>
    {
        const int actions = 4;
        var step = 0.2 + random.NextDouble();
        var (old, advantages) = (random.Normal(1, 1, actions).log_softmax(1), random.Normal(1, 1, actions));
        var logps = (old + (step * advantages)).log_softmax(1).requires_grad_();
        // The whole table as a batch, each action as often as the old policy draws it.
        var (gain, kl) = (logps.exp() * advantages, logps.exp() * (logps - old));
        var weights = ones_like(old);
        var loss = new Mdpo(new MdpoOptions { StepSize = step }).Compute(new ActorCriticBatch
        {
            ["logps"] = logps, ["old_logps"] = old, ["mask"] = weights,
            // Mean(ratio · x) over actions is Σ p x where x is p_old · n · …: the expectation under the old policy.
            ["advantages"] = advantages * old.exp() * actions, ["kl"] = kl * actions,
        });
        Given.Same((kl.sum() / step) - gain.sum(), loss.Value);
        // On the simplex the gradient has no component but along the probabilities' sum: all actions pull alike.
        var pull = loss.GradientOf(logps) / logps.exp();
        Given.Same(pull.mean().expand_as(pull), pull);
    });

    [Fact]
    public void The_sampled_divergence_is_right_in_expectation() => Given.AnyBatch(random =>
    {
        const int actions = 3;
        var (old, current) = (random.Normal(1, 1, actions).log_softmax(1), random.Normal(1, 1, actions).log_softmax(1));
        var mdpo = new Mdpo(new MdpoOptions());
        Tensor Of(int action) => mdpo.Compute(new ActorCriticBatch
        {
            ["logps"] = current.narrow(1, action, 1), ["old_logps"] = old.narrow(1, action, 1), ["advantages"] = zeros([1, 1], float64), ["mask"] = ones([1, 1], float64),
        }).Tensor("mean_kl");
        var expected = Enumerable.Range(0, actions).Select(action => old[0, action].exp() * Of(action)).Aggregate((a, b) => a + b);
        Given.Same((current.exp() * (current - old)).sum(), expected);
        Given.Same(new CategoricalActions([current]).Kl(new CategoricalActions([old]))!.squeeze(), expected);
    });

    [Fact]
    public void The_step_size_falls_in_a_line_and_never_reaches_0()
    {
        double[] steps = [.. Enumerable.Range(0, 40).Select(k => (double)Mdpo.StepSize(k, 40, new StepSizeOptions { Initial = 2 })["step_size"])];
        Assert.Equal((2, 2 / 40.0), (steps[0], steps[^1]), (a, b) => Math.Abs(a.Item1 - b.Item1) + Math.Abs(a.Item2 - b.Item2) < 1e-12);
        Assert.All(steps.Zip(steps.Skip(1), (a, b) => a - b), fall => Assert.Equal(0.05, fall, 1e-12));
        Assert.Contains("iteration", Assert.Throws<InvalidInputException>(() => Mdpo.StepSize(-1, 40, new StepSizeOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_stage_the_schedule_follows_its_steps_unless_a_controller_does() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("iteration", 15).With("iterations", 20);
        Assert.Equal(0.5 * 0.25, (double)new Mdpo(new MdpoOptions { StepSize = 0.5 }).Compute(batch)["step_size"], 1e-12);
        Assert.Equal(0.5, (double)new Mdpo(new MdpoOptions { StepSize = 0.5, StepSizeSchedule = StepSizeSchedule.Constant }).Compute(batch)["step_size"], 1e-12);
        batch.With("step_size", 0.3);
        Assert.Equal(0.3, (double)new Mdpo(new MdpoOptions { StepSize = 0.5 }).Compute(batch)["step_size"], 1e-12);
        batch.With("step_size", 0.0);
        Assert.Contains("step_size", Assert.Throws<InvalidInputException>(() => new Mdpo(new MdpoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Advantages_are_gaes_with_mean_0_and_variance_1() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var batch = new Batch { ["token_rewards"] = random.Normal(1, 4, 6), ["values"] = random.Normal(1, 4, 6), ["mask"] = mask };
        var mine = new MdpoAdvantage(new MdpoAdvantageOptions { Gamma = 0.9, Lam = 0.8 }).Compute(batch);
        var gae = new Gae(new GaeOptions { Gamma = 0.9, Lam = 0.8, WhitenAdvantages = false }).Compute(batch);
        Given.Same(gae.Tensor("returns"), mine.Tensor("returns"));
        var advantages = mine.Tensor("advantages");
        Given.Same(0, advantages.sum());
        if (mask.sum().ToDouble() > 1)
        {
            Assert.Equal(1, (advantages.square().sum() / mask.sum()).ToDouble(), 1e-6);
        }
    });

    [Fact]
    public void What_comes_after_a_row_that_was_cut_short_counts_as_one_more_value() => Given.AnyBatch(random =>
    {
        var (rewards, values) = (random.Normal(1, 3, 5), random.Normal(1, 3, 5));
        var (mask, last) = (random.Mask(3, 5), random.Normal(1, 3));
        var options = new GaeOptions { Gamma = 0.9, Lam = 0.7, WhitenAdvantages = false };
        var cut = new Gae(options).Compute(new Batch { ["token_rewards"] = rewards, ["values"] = values, ["mask"] = mask, ["last_values"] = last });
        // The same as a reward of γ · V at the last step.
        var paid = new Gae(options).Compute(new Batch { ["token_rewards"] = rewards + (0.9 * last.unsqueeze(1) * Masked.Last(mask)), ["values"] = values, ["mask"] = mask });
        Given.Same(paid.Tensor("advantages"), cut.Tensor("advantages"));
        Given.Same(paid.Tensor("returns"), cut.Tensor("returns"));
    });

    [Fact]
    public void A_gaussian_divergence_is_never_negative_and_0_between_equals() => Given.AnyBatch(random =>
    {
        var (mean, logStd) = (random.Normal(1, 5, 3), random.Normal(0.5, 5, 3));
        var (oldMean, oldLogStd) = (random.Normal(1, 5, 3), random.Normal(0.5, 5, 3));
        Assert.True(DiagonalGaussian.Kl(mean, logStd, oldMean, oldLogStd).min().ToDouble() > 0);
        Given.Same(zeros(5, float64), DiagonalGaussian.Kl(mean, logStd, mean, logStd));
    });

    [Fact]
    public void A_gaussian_divergence_and_entropy_are_expectations_of_log_probabilities()
    {
        using var scope = NewDisposeScope();
        var (mean, logStd, oldMean, oldLogStd) = (tensor(new[] { 0.3 }), tensor(new[] { -0.4 }), tensor(new[] { -0.2 }), tensor(new[] { 0.1 }));
        // A fine grid in place of samples.
        var x = linspace(-8, 8, 16001, float64).unsqueeze(1);
        var (logps, old) = (DiagonalGaussian.Logps(x, mean, logStd), DiagonalGaussian.Logps(x, oldMean, oldLogStd));
        const double width = 16.0 / 16000;
        Assert.Equal(DiagonalGaussian.Kl(mean, logStd, oldMean, oldLogStd).ToDouble(), ((logps - old) * logps.exp()).sum().ToDouble() * width, 1e-6);
        Assert.Equal(DiagonalGaussian.Entropy(logStd).ToDouble(), -(logps * logps.exp()).sum().ToDouble() * width, 1e-6);
    }

    [Fact]
    public void A_squashed_action_is_scored_by_the_change_of_variables() => Given.AnyBatch(random =>
    {
        var (mean, logStd, noise) = (random.Normal(0.5, 4, 2), random.Normal(0.3, 4, 2), random.Normal(0.7, 4, 2));
        var squashed = OffPolicy.SquashedGaussian(mean, logStd, noise, mean, logStd);
        var u = mean + (logStd.exp() * noise);
        Given.Same(u.tanh(), squashed.Tensor("actions"));
        Given.Same(squashed.Tensor("logps"), squashed.Tensor("old_logps"));
        var slope = (1 - u.tanh().square() + 1e-6).log().sum(-1);
        Given.Same(DiagonalGaussian.Logps(u, mean, logStd) - slope, squashed.Tensor("logps"));
    });

    [Fact]
    public void With_equal_weights_the_off_policy_loss_is_sacs_and_forgets_the_old_policy() => Given.AnyBatch(random =>
    {
        var (logps, old, q) = (random.Normal(1, 6), random.Normal(1, 6).requires_grad_(), random.Normal(1, 6));
        var loss = OffPolicy.PolicyLoss(logps, old, q, new OffPolicyOptions { KlCoef = 0.3, EntropyCoef = 0.3 });
        Given.Same(((0.3 * logps) - q).mean(), loss.Value);
        Given.Same(zeros(6, float64), loss.GradientOf(old));
    });

    [Fact]
    public void The_q_logarithm_is_continuous_where_it_becomes_the_plain_one() => Given.AnyBatch(random =>
    {
        var p = random.Normal(1, 5).abs() + 0.01;
        var plain = OffPolicy.TsallisLog(p, new TsallisOptions()).Tensor("log_q");
        Given.Same(p.log(), plain);
        foreach (var q in new[] { 1 - 1e-12, 1 + 1e-12 })
        {
            Given.Same(plain, OffPolicy.TsallisLog(p, new TsallisOptions { TsallisQ = q }).Tensor("log_q"));
        }
    });

    [Fact]
    public void Nothing_comes_after_a_terminal_transition() => Given.AnyBatch(random =>
    {
        var (q1, q2, logps, rewards, next) = (random.Normal(1, 4), random.Normal(1, 4), random.Normal(1, 4), random.Normal(1, 4), random.Normal(1, 4));
        var targets = OffPolicy.ValueTargets(q1, q2, logps, rewards, ones(4, float64), next, new ValueTargetOptions());
        Given.Same(rewards, targets.Tensor("q_targets"));
        Given.Same(q1.minimum(q2), targets.Tensor("value_targets"));
    });

    private static ActorCriticBatch Batch(Random random)
    {
        var mask = random.Mask(4, 5);
        return new ActorCriticBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["advantages"] = random.Normal(1, 4, 5),
            ["mask"] = mask,
        };
    }
}
