using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class OfflinePairsTests
{
    [Fact]
    public void A_precomputed_reference_gives_the_same_losses()
    {
        var (live, stored) = (Run(reference: true), Run(reference: true, options => options with { PrecomputeReference = true }));
        for (var step = 0; step < live.Metrics.Count; step++)
        {
            Assert.Equal(live.Metrics[step]["loss"], stored.Metrics[step]["loss"], 5);
            Assert.Equal(live.Metrics[step]["margin"], stored.Metrics[step]["margin"], 4);
        }
    }

    [Fact]
    public void Against_the_reference_the_first_margin_is_zero_and_then_grows()
    {
        var recorder = Run(reference: true, options => options with { BatchSize = 8, Steps = 10 });
        Assert.Equal(0, recorder.Metrics[0]["margin"], 5);
        Assert.Equal(Math.Log(2), recorder.Metrics[0]["loss"], 5);
        Assert.True(recorder.Metrics[^1]["margin"] > 0.5);
        Assert.True(recorder.Metrics[^1]["loss"] < recorder.Metrics[0]["loss"]);
    }

    [Fact]
    public void Both_sides_log_probabilities_are_told()
    {
        var metrics = Run(reference: false, options => options with { BatchSize = 8, Steps = 1 }).Metrics[0];
        Assert.Equal(metrics["margin"], metrics["chosen_logps"] - metrics["rejected_logps"], 4);
    }

    [Fact]
    public void Where_nothing_needs_a_reference_none_is_kept()
    {
        using var tiny = new Tiny();
        New(tiny, reference: false).Run(CancellationToken.None);
        Assert.Equal(["policy"], tiny.Run.Models.Roles);
    }

    private static MemoryRecorder Run(bool reference, Func<OfflinePairsOptions, OfflinePairsOptions>? change = null)
    {
        using var tiny = new Tiny();
        New(tiny, reference, change).Run(CancellationToken.None);
        return tiny.Recorder;
    }

    private static OfflinePairs New(Tiny tiny, bool reference, Func<OfflinePairsOptions, OfflinePairsOptions>? change = null)
    {
        var options = new OfflinePairsOptions { Objective = Preference.Part(reference), Data = Tiny.Words(), Steps = 6, BatchSize = 3, LearningRate = 0.01 };
        return new OfflinePairs(change?.Invoke(options) ?? options, tiny.Stage);
    }
}
