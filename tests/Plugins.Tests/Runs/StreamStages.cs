using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

public sealed class StreamStages
{
    [Fact]
    public void Several_instances_a_step_are_learnt_from_one_after_the_other()
    {
        var (singly, together) = (Run(steps: 12, instances: 1), Run(steps: 4, instances: 3));
        Assert.Equal(singly[^1]["accuracy"], together[^1]["accuracy"]);
        Assert.Equal(singly[^1]["parity_gap"], together[^1]["parity_gap"]);
        Assert.Equal(singly[^1]["grad_norm"], together[^1]["grad_norm"]);
        Assert.Equal(singly.TakeLast(3).Average(metrics => metrics["loss"]), together[^1]["loss"], 1e-12);
    }

    [Fact]
    public void The_fairness_gradient_joins_the_losss_once_both_groups_were_seen()
    {
        var (free, fair) = (Run(steps: 2, instances: 1, lambda: 0), Run(steps: 2, instances: 1, lambda: 5));
        Assert.Equal(free[0]["grad_norm"], fair[0]["grad_norm"]);
        Assert.Equal(free[1]["loss"], fair[1]["loss"]);
        Assert.NotEqual(free[1]["grad_norm"], fair[1]["grad_norm"]);
    }

    [Fact]
    public void A_window_measures_the_last_predictions_alone()
    {
        var (all, last) = (Run(steps: 20, instances: 1), Run(steps: 20, instances: 1, window: 1));
        Assert.All(last, metrics => Assert.True(metrics["accuracy"] is 0 or 1));
        Assert.Equal(all[^1]["accuracy"], last.Average(metrics => metrics["accuracy"]), 1e-12);
    }

    [Fact]
    public void A_stream_passes_once()
    {
        var refused = Assert.Throws<PlumblineException>(() => Run(steps: 31, instances: 2));
        Assert.Contains("60", refused.Message, StringComparison.Ordinal);
    }

    private static List<IReadOnlyDictionary<string, double>> Run(int steps, int instances, double lambda = 0.5, int? window = null)
    {
        var stage = SmallStages.Of("aranyani", steps);
        (stage["instances"], stage["lambda"], stage["max_grad_norm"], stage["window"]) = (instances, lambda, null, window is { } last ? JsonValue.Create(last) : null);
        return StageRun.Run(stage).Steps;
    }
}
