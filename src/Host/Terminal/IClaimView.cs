using System.Globalization;
using Plumbline.Host.Claims;
using Plumbline.Host.Runs;
using Spectre.Console;

namespace Plumbline.Host.Terminal;

/// <summary>Shows the runs of a claim while they go on, several at a time.</summary>
internal interface IClaimView
{
    /// <summary>Shows while some work goes on.</summary>
    /// <param name="runs">How many runs it has.</param>
    /// <param name="work">The work.</param>
    Task ShowAsync(int runs, Func<Task> work);

    /// <summary>Where one run is shown.</summary>
    IRunView Of(string run);

    /// <summary>A run has ended.</summary>
    void Ended(RunOutcome outcome);
}

/// <summary>A line a run as it ends: for pipes, files and logs.</summary>
internal sealed class ClaimLines(TextWriter output) : IClaimView
{
    private readonly Lock _turn = new();
    private int _runs;
    private int _done;

    /// <inheritdoc/>
    public Task ShowAsync(int runs, Func<Task> work)
    {
        (_runs, _done) = (runs, 0);
        return work();
    }

    /// <inheritdoc/>
    public IRunView Of(string run) => new Silent();

    /// <inheritdoc/>
    public void Ended(RunOutcome outcome)
    {
        lock (_turn)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{++_done}/{_runs}] {outcome.Run.Path}: {outcome.Words}, {outcome.Took.TotalSeconds:F1} s"));
            output.Flush();
        }
    }

    private sealed class Silent : IRunView
    {
        public async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
        {
            await foreach (var _ in events.ConfigureAwait(false))
            {
            }
        }
    }
}

/// <summary>A bar for the whole and one for each run under way: for terminals.</summary>
internal sealed class ClaimBars(IAnsiConsole console) : IClaimView
{
    private ProgressContext? _context;
    private ProgressTask? _whole;

    /// <inheritdoc/>
    public Task ShowAsync(int runs, Func<Task> work) => console.Progress()
        .AutoClear(true)
        .HideCompleted(true)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new PercentageColumn())
        .StartAsync(async context =>
        {
            _context = context;
            _whole = context.AddTask($"{runs} runs", maxValue: Math.Max(1, runs));
            await work().ConfigureAwait(false);
        });

    /// <inheritdoc/>
    public IRunView Of(string run) => new Bar(_context!, run);

    /// <inheritdoc/>
    public void Ended(RunOutcome outcome)
    {
        _whole!.Increment(1);
        if (!outcome.WentToItsEnd || outcome.ExitCode == ExitCodes.Diagnosed)
        {
            console.MarkupLine($"[yellow]{Markup.Escape($"{outcome.Run.Path}: {outcome.Words}")}[/]");
        }
    }

    private sealed class Bar(ProgressContext context, string run) : IRunView
    {
        public async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
        {
            var bar = context.AddTask(Markup.Escape(run), maxValue: 1);
            await foreach (var @event in events.ConfigureAwait(false))
            {
                switch (@event)
                {
                    case StageBegan stage:
                        (bar.MaxValue, bar.Value, bar.Description) = (Math.Max(1, stage.Steps), 0, Markup.Escape($"{run}, {stage.Name}"));
                        break;
                    case StepDone step:
                        bar.Value = Math.Min(bar.MaxValue - 0.5, step.Step + 1);
                        break;
                    default:
                        break;
                }
            }

            bar.Value = bar.MaxValue;
            bar.StopTask();
        }
    }
}
