namespace Plumbline.Tests.Plugins.Claimed;

/// <summary>Options of <c>claimed-loop</c>.</summary>
public sealed record ClaimedLoopOptions : StageOptions
{
    /// <summary>Steps of the stage.</summary>
    [NonNegative]
    public int Steps { get; init; } = 3;

    /// <summary>The step that fails; null: none.</summary>
    [NonNegative]
    public int? FailsAt { get; init; }

    /// <summary>Milliseconds of a step.</summary>
    [NonNegative]
    public int Pause { get; init; }
}

/// <summary>Counts: the metric <c>level</c> is ten times the seed and the step's number.</summary>
[Loop("claimed-loop", Paper = "9999.00001", Title = "On Counting")]
public sealed class ClaimedLoop(ClaimedLoopOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        stage.Recorder.Begin(options.Steps);
        for (var step = 0; step < options.Steps && !cancel.IsCancellationRequested; step++)
        {
            cancel.WaitHandle.WaitOne(options.Pause);
            if (step == options.FailsAt)
            {
                throw new PlumblineException("it was asked to fail");
            }

            stage.Recorder.Step(step, new Dictionary<string, double> { ["level"] = (10 * stage.Run.Seed) + step }, tokens: 1);
        }
    }
}

/// <summary>Options of <c>claimed-number</c>.</summary>
public sealed record ClaimedNumberOptions
{
    /// <summary>What is measured with seed 0.</summary>
    public double Value { get; init; }
}

/// <summary>Measures the number it is told, and the seed more; and <c>stage</c>s so far.</summary>
[Evaluation("claimed-number")]
public sealed class ClaimedNumber(ClaimedNumberOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel) => new Dictionary<string, double>
    {
        ["number"] = options.Value + stage.Run.Seed,
        ["stages so far"] = stage.Index + 1,
        ["pass@1"] = options.Value < 0 ? double.NaN : 1,
    };
}
