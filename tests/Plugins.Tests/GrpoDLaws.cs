using Plumbline.Plugins.Grpo;
using Plumbline.Plugins.GrpoD;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GrpoDLaws
{
    [Fact]
    public void The_loss_is_grpos_with_the_schedules_beta() => Given.AnyBatch(random =>
    {
        var step = random.Next(0, 101);
        var options = new GrpoDOptions { TotalSteps = 100, BetaMin = 0.01, BetaMax = 0.3 };
        var batch = Batch(random, step);
        var mine = new GrpoD(options).Compute(batch);
        var beta = DynamicBeta.At(step, options);
        batch.With("advantages", new GroupRelative(new GroupRelativeOptions()).Compute(batch).Tensor("advantages"));
        var grpo = new Grpo(new GrpoOptions { Beta = beta }).Compute(batch);
        Given.Same(grpo.Value, mine.Value);
        Given.Same(grpo.GradientOf(batch.Logps), mine.GradientOf(batch.Logps));
    });

    [Fact]
    public void Equal_bounds_are_a_constant_beta() => Given.AnyBatch(random =>
    {
        var beta = random.NextDouble();
        Assert.Equal(beta, DynamicBeta.At(random.Next(0, 51), new DynamicBetaOptions { TotalSteps = 50, BetaMin = beta, BetaMax = beta }), 1e-12);
    });

    [Fact]
    public void The_schedule_begins_in_the_middle_turns_at_the_least_and_ends_at_the_greatest() => Given.AnyBatch(random =>
    {
        var options = Any(random) with { TotalSteps = 1000, ExplorationFraction = 0.25 };
        Assert.Equal((options.BetaMin + options.BetaMax) / 2, DynamicBeta.At(0, options), 1e-12);
        Assert.Equal(options.BetaMin, DynamicBeta.At(250, options), 1e-12);
        Assert.Equal(options.BetaMax, DynamicBeta.At(1000, options), 1e-12);
    });

    [Fact]
    public void The_schedule_is_continuous_and_stays_within_its_bounds() => Given.AnyBatch(random =>
    {
        var options = Any(random) with { TotalSteps = 400 };
        double[] betas = [.. Enumerable.Range(0, 401).Select(step => DynamicBeta.At(step, options))];
        Assert.All(betas, beta => Assert.InRange(beta, options.BetaMin - 1e-12, options.BetaMax + 1e-12));
        var steepest = (options.BetaMax - options.BetaMin) / 400 / Math.Min(2 * options.ExplorationFraction, 1 - options.ExplorationFraction);
        Assert.All(betas.Zip(betas.Skip(1), (a, b) => Math.Abs(b - a)), change => Assert.InRange(change, 0, steepest + 1e-12));
    });

    [Fact]
    public void Scaling_step_and_total_alike_changes_nothing() => Given.AnyBatch(random =>
    {
        var options = Any(random) with { TotalSteps = 60 };
        var step = random.Next(0, 61);
        Assert.Equal(DynamicBeta.At(step, options), DynamicBeta.At(7 * step, options with { TotalSteps = 420 }), 1e-12);
    });

    [Fact]
    public void With_equal_rewards_only_the_divergence_pulls() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, 100, equal: true);
        var loss = new GrpoD(new GrpoDOptions { TotalSteps = 100, BetaMax = 0.1 }).Compute(batch);
        var kl = Masked.RowMean(KlEstimates.K3((batch.Logps - batch.ReferenceLogps) * batch.Mask), batch.Mask).mean();
        Given.Same(0.1 * new Loss(kl).GradientOf(batch.Logps), loss.GradientOf(batch.Logps));
    });

    [Fact]
    public void In_a_stage_the_planned_updates_are_the_schedules_length() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, 30);
        batch.With("total_steps", 100.0);
        Assert.Equal(0.0, (double)new GrpoD(new GrpoDOptions()).Compute(batch)["beta"], 1e-12);
    });

    [Fact]
    public void As_a_controller_it_gives_a_coefficient_the_same_course()
    {
        var options = new DynamicBetaOptions { BetaMin = 0.1, BetaMax = 0.4, ExplorationFraction = 0.5 };
        var controller = new DynamicBeta(options);
        Assert.Null(controller.Measures);
        Assert.Equal(
            Enumerable.Range(0, 21).Select(step => DynamicBeta.At(step, options with { TotalSteps = 20 })),
            Enumerable.Range(0, 21).Select(step => controller.Next(new ControlState(99, step, 20, null, 8))));
    }

    [Fact]
    public void Grpos_beta_can_be_steered_where_it_begins_above_0() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, 0);
        batch.With("advantages", random.Normal(1, batch.Mask.shape[0]));
        var expected = new Grpo(new GrpoOptions { Beta = 0.3 }).Compute(batch).Value;
        var grpo = new Grpo(new GrpoOptions { Beta = 0.04 });
        Assert.Equal(["beta"], grpo.Coefficients.Keys);
        batch.With("beta", 0.3);
        Given.Same(expected, grpo.Compute(batch).Value);
        Assert.Empty(new Grpo(new GrpoOptions { Beta = 0 }).Coefficients);
    });

    [Fact]
    public void A_reward_of_accuracy_and_format_tells_each_by_itself()
    {
        var reward = new FormattedReward(
            new FormattedRewardOptions { Accuracy = Part<IReward>.Of("accuracy", new Fixed([1, 0])), Format = Part<IReward>.Of("format", new Fixed([1, 1])), FormatWeight = 0.5 }, null!);
        var scores = reward.Score([null!, null!], new RewardContext(0, 1, new Draws(0)));
        Assert.Equal([1.5, 0.5], scores.Values);
        Assert.Equal([1, 0], scores.Components["accuracy"]);
        Assert.Equal([1, 1], scores.Components["format"]);
    }

    private static DynamicBetaOptions Any(Random random)
    {
        var least = random.NextDouble();
        return new DynamicBetaOptions { BetaMin = least, BetaMax = least + random.NextDouble(), ExplorationFraction = 0.05 + (0.9 * random.NextDouble()) };
    }

    private static GroupBatch Batch(Random random, int step, bool equal = false)
    {
        var mask = random.Mask(8, 5);
        var batch = new GroupBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["rewards"] = equal ? ones(8, float64) : random.Normal(1, 8),
            ["group_ids"] = random.GroupIds(2, 4),
        };
        batch.With("step", (double)step);
        return batch;
    }

    private sealed class Fixed(double[] scores) : IReward
    {
        public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context) => new(scores);
    }
}
