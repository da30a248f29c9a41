using System.Diagnostics;
using System.Globalization;
using Plumbline.Host.Runs;

namespace Plumbline.Host.Terminal;

/// <summary>Plain lines: for pipes, files and logs.</summary>
internal sealed class LineView(TextWriter output) : IRunView
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private StageProgress? _progress;
    private long _last;

    /// <inheritdoc/>
    public async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
    {
        await foreach (var @event in events.ConfigureAwait(false))
        {
            if (Line(@event) is { } line)
            {
                await output.WriteLineAsync(line).ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>The line that tells an event; null where it is worth none.</summary>
    private string? Line(RunEvent @event)
    {
        switch (@event)
        {
            case StageBegan stage:
                _progress = new StageProgress(stage);
                return $"[{stage.Name}] {stage.Steps} steps";
            case StepDone step when _progress is { } progress:
                progress.See(step);
                var due = step.Step == 0 || progress.Done == progress.Stage.Steps || Stopwatch.GetElapsedTime(_last) > Pause;
                if (!due)
                {
                    return null;
                }

                _last = Stopwatch.GetTimestamp();
                return $"[{progress.Stage.Name}] step {progress.Done}/{progress.Stage.Steps}  {progress.Numbers}  {progress.Rate}";
            default:
                return Words.Of(@event);
        }
    }
}

/// <summary>Events in words, alike in every view.</summary>
internal static class Words
{
    /// <summary>A line for an event; null where it is worth none.</summary>
    internal static string? Of(RunEvent @event) => @event switch
    {
        Opened run => string.Create(CultureInfo.InvariantCulture, $"run {run.Name}: seed {run.Seed}, {run.Device}, {run.Parameters:N0} parameters, files in {run.Folder}"),
        Evaluated evaluated => $"[{evaluated.After}] {string.Join("  ", evaluated.Results.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value:0.####}")))}",
        Diagnosed diagnosed => $"{(diagnosed.Warning ? "warning" : "diagnosis")} {diagnosed.Name}: {diagnosed.Message}",
        Logged { Level: "info" } logged => logged.Message,
        Logged logged => $"{logged.Level}: {logged.Message}",
        _ => null,
    };
}
