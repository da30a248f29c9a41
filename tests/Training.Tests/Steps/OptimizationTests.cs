using Plumbline.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class OptimizationTests
{
    [Theory]
    [InlineData(0, 0.25)]
    [InlineData(1, 0.5)]
    [InlineData(3, 1.0)]
    [InlineData(4, 1.0)]
    [InlineData(13, 1.0)]
    public void The_warm_up_rises_in_a_line_to_the_peak(int step, double share) =>
        Assert.Equal(2e-3 * share, Optimization.RateAt(step, 2e-3, Options(ScheduleKind.Constant)), 12);

    [Theory]
    [InlineData(4, 1.0)]
    [InlineData(9, 0.5)]
    [InlineData(13, 0.1)]
    public void The_line_falls_from_the_peak_to_zero_after_the_last_step(int step, double share) =>
        Assert.Equal(2e-3 * share, Optimization.RateAt(step, 2e-3, Options(ScheduleKind.Linear)), 12);

    [Theory]
    [InlineData(4, 1.0)]
    [InlineData(9, 0.5)]
    [InlineData(13, 0.024471741852423234)]
    public void The_cosine_falls_from_the_peak_to_zero_after_the_last_step(int step, double share) =>
        Assert.Equal(2e-3 * share, Optimization.RateAt(step, 2e-3, Options(ScheduleKind.Cosine)), 12);

    [Fact]
    public void A_warm_up_longer_than_the_stage_never_reaches_the_peak() =>
        Assert.Equal(0.5, Optimization.RateAt(4, 1, new Plain { Data = null!, Steps = 5, WarmupSteps = 10 }), 12);

    [Fact]
    public void A_gradient_descent_step_subtracts_rate_times_gradient()
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: null));
        var (norm, rate) = optimization.Step((weights * weights).sum(), 0);
        Assert.Equal(0.1, rate, 12);
        Assert.Equal(10, norm, 5);
        // The gradient of w² is 2 w.
        Equal([3 - 0.6, 4 - 0.8], weights);
    }

    [Fact]
    public void A_gradient_beyond_the_longest_norm_is_scaled_down_and_its_own_norm_told()
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: 1));
        Assert.Equal(10, optimization.Step((weights * weights).sum(), 0).GradNorm, 5);
        Equal([3 - 0.06, 4 - 0.08], weights);
    }

    [Fact]
    public void A_gradient_within_the_longest_norm_is_left()
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: 20));
        optimization.Step((weights * weights).sum(), 0);
        Equal([3 - 0.6, 4 - 0.8], weights);
    }

    [Fact]
    public void Gradients_do_not_pile_up_over_the_steps()
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: null));
        optimization.Step(weights.sum(), 0);
        Assert.Equal(Math.Sqrt(2), optimization.Step(weights.sum(), 1).GradNorm, 5);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_loss_that_is_not_finite_is_refused_and_the_weights_stay(double factor)
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: null));
        var error = Assert.Throws<PlumblineException>(() => optimization.Step((weights * factor).sum(), 6));
        Assert.Contains("at step 6", error.Message, StringComparison.Ordinal);
        Equal([3, 4], weights);
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw)]
    [InlineData(OptimizerKind.Sgd)]
    public void A_gradient_that_is_not_finite_is_refused_and_the_weights_stay(OptimizerKind kind)
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: 1) with { Optimizer = kind });
        // Zero loss, and the root's slope at zero is infinite.
        var error = Assert.Throws<PlumblineException>(() => optimization.Step((weights - weights.detach()).pow(2).sum().sqrt(), 6));
        Assert.Contains("gradient's norm", error.Message, StringComparison.Ordinal);
        Equal([3, 4], weights);
        optimization.Step(weights.sum(), 7);
        Assert.All(Values(weights), value => Assert.True(double.IsFinite(value)));
    }

    [Fact]
    public void A_loss_without_gradient_is_refused_with_the_likely_cause()
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: 1));
        Assert.Contains("carries no gradient", Assert.Throws<PlumblineException>(() => optimization.Step(weights.detach().sum(), 0)).Message, StringComparison.Ordinal);
        Assert.Contains("has the shape [2]", Assert.Throws<PlumblineException>(() => optimization.Step(weights * 2, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_whose_every_weight_is_frozen_is_refused()
    {
        using var weights = new Parameter(tensor([3f, 4f]), requires_grad: false);
        Assert.Contains("nothing to train", Assert.Throws<PlumblineException>(() => new Optimization([weights], Sgd(maxNorm: 1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw)]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.Rmsprop)]
    public void The_first_step_of_an_adaptive_rule_follows_the_gradients_sign(OptimizerKind kind)
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: null) with { Optimizer = kind, LearningRate = 0.01 });
        optimization.Step((weights * tensor([100f, -0.5f])).sum(), 0);
        // Adam moves by the rate; RMSprop by the rate over √(1 - 0.99).
        var by = kind == OptimizerKind.Rmsprop ? 0.1 : 0.01;
        Equal([3 - by, 4 + by], weights);
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw)]
    [InlineData(OptimizerKind.Adam)]
    public void A_gradient_as_small_as_adams_epsilon_moves_by_half_the_rate(OptimizerKind kind)
    {
        using var weights = Weights();
        using var scope = NewDisposeScope();
        using var optimization = new Optimization([weights], Sgd(maxNorm: null) with { Optimizer = kind, AdamEpsilon = 1e-3 });
        optimization.Step((weights * 1e-3).sum(), 0);
        Equal([3 - 0.05, 4 - 0.05], weights);
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw)]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.Rmsprop)]
    [InlineData(OptimizerKind.Sgd)]
    public void A_snapshot_puts_weights_and_the_optimisers_memory_back(OptimizerKind kind)
    {
        double[] Trained(bool trial)
        {
            using var weights = Weights();
            using var scope = NewDisposeScope();
            using var optimization = new Optimization([weights], Sgd(maxNorm: null) with { Optimizer = kind });
            for (var step = 0; step < 3; step++)
            {
                if (trial)
                {
                    var restore = optimization.Snapshot();
                    optimization.Step((weights * tensor([-7f, 3f])).sum(), step);
                    restore();
                }

                optimization.Step((weights * weights).sum(), step);
            }

            return Values(weights);
        }

        Assert.Equal(Trained(trial: false), Trained(trial: true));
    }

    private static Plain Options(ScheduleKind schedule) => new() { Data = null!, Steps = 14, WarmupSteps = 4, Schedule = schedule };

    private static Plain Sgd(double? maxNorm) => new() { Data = null!, Optimizer = OptimizerKind.Sgd, LearningRate = 0.1, MaxGradNorm = maxNorm };

    private static Parameter Weights() => new(tensor([3f, 4f]));

    private static double[] Values(Tensor tensor) => tensor.detach().to_type(ScalarType.Float64).data<double>().ToArray();

    private static void Equal(double[] expected, Tensor actual)
    {
        var values = Values(actual);
        Assert.Equal(expected.Length, values.Length);
        Assert.All(expected.Zip(values), pair => Assert.Equal(pair.First, pair.Second, 5));
    }

    private sealed record Plain : TextTrainingOptions
    {
        public override Cost Estimate(IServiceProvider services) => new();
    }
}
