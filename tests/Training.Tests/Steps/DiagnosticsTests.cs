using Plumbline.Training;

namespace Plumbline.Tests.Steps;

/// <summary>What every stage watches for, seen through a stage of the simplest loop.</summary>
public sealed class DiagnosticsTests
{
    [Fact]
    public void A_gradient_of_zero_that_lasts_is_a_finding_in_the_log_and_the_metrics()
    {
        using var tiny = Run(new Told("loss", _ => 0, scale: 0), steps: 4, new DiagnosticsOptions { Patience = 3 });
        var found = Assert.Single(tiny.Recorder.Diagnoses);
        Assert.Equal(("zero-gradient", false), (found.Name, found.Warning));
        Assert.Contains("up to step 2", found.Message, StringComparison.Ordinal);
        Assert.Equal([false, false, true, true], tiny.Recorder.Metrics.Select(metrics => metrics.ContainsKey("diagnosis/zero-gradient")));
    }

    [Fact]
    public void A_gradient_of_zero_now_and_then_is_none()
    {
        using var tiny = Run(new Told("loss", _ => 0, scale: 0, every: 2), steps: 6, new DiagnosticsOptions { Patience = 2 });
        Assert.Empty(tiny.Recorder.Diagnoses);
    }

    [Theory]
    [InlineData("clip_ratio_region")]
    [InlineData("clip_fraction")]
    public void A_clip_that_stops_nearly_every_token_is_a_warning(string metric)
    {
        using var tiny = Run(new Told(metric, step => step < 2 ? 0.1 : 0.95), steps: 6, new DiagnosticsOptions { Patience = 3 });
        Warned(tiny, "clip-fraction", from: 4);
    }

    [Fact]
    public void An_entropy_that_collapses_is_a_warning()
    {
        using var tiny = Run(new Told("entropy", step => step < 5 ? 2 : 0.05), steps: 9, new DiagnosticsOptions { Patience = 2 });
        Warned(tiny, "entropy-collapse", from: 6);
    }

    [Fact]
    public void An_entropy_that_falls_a_little_is_none()
    {
        using var tiny = Run(new Told("entropy", step => 2 - (step * 0.1)), steps: 12, new DiagnosticsOptions { Patience = 1 });
        Assert.Empty(tiny.Recorder.Diagnoses);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(3)]
    public void Completions_that_grow_or_shrink_by_a_factor_are_a_warning(double length)
    {
        using var tiny = Run(new Told("completion_length", step => step < 5 ? 10 : length), steps: 9, new DiagnosticsOptions { Patience = 2 });
        Warned(tiny, "length-drift", from: 6);
    }

    [Fact]
    public void What_is_switched_off_is_not_told()
    {
        using var tiny = Run(new Told("clip_fraction", _ => 1, scale: 0), steps: 4, new DiagnosticsOptions { Patience = 1, ZeroGradient = false, ClipFraction = null });
        Assert.Empty(tiny.Recorder.Diagnoses);
        using var other = Run(new Told("clip_fraction", _ => 1, scale: 0), steps: 4, null);
        Assert.Empty(other.Recorder.Diagnoses);
    }

    [Fact]
    public void It_is_on_unless_a_manifest_says_otherwise() => Assert.NotNull(new SftLoopOptions { Data = Tiny.Words(), Objective = Likelihood.Part }.Diagnostics);

    private static void Warned(Tiny tiny, string name, int from)
    {
        var found = Assert.Single(tiny.Recorder.Diagnoses);
        Assert.Equal((name, true), (found.Name, found.Warning));
        Assert.Equal(from, tiny.Recorder.Metrics.ToList().FindIndex(metrics => metrics.ContainsKey("diagnosis/" + name)));
    }

    private static Tiny Run(Told objective, int steps, DiagnosticsOptions? diagnostics)
    {
        var tiny = new Tiny();
        new SftLoop(
            new SftLoopOptions { Objective = Part<SequenceObjective>.Of("told", objective), Data = Tiny.Words(), Steps = steps, BatchSize = 2, Diagnostics = diagnostics },
            tiny.Stage).Run(CancellationToken.None);
        return tiny;
    }

    /// <summary>A loss with a gradient of the scale asked for, and a metric of one's choice.</summary>
    private sealed class Told(string metric, Func<int, double> value, double scale = 1, int every = 1) : SequenceObjective
    {
        private int _step;

        public override Loss Compute(SequenceBatch batch)
        {
            var step = _step++;
            return new Loss(-(batch.Logps * batch.Mask).mean() * (step % every == 0 ? scale : 1)) { [metric == "loss" ? "told" : metric] = value(step) };
        }
    }
}
