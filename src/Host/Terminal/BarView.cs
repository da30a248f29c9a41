using System.Collections.Concurrent;
using Plumbline.Host.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Plumbline.Host.Terminal;

/// <summary>A progress bar a stage, with rates and time left: for terminals.</summary>
internal sealed class BarView(IAnsiConsole console) : IRunView
{
    private readonly ConcurrentDictionary<int, StageProgress> _stages = [];

    /// <inheritdoc/>
    public Task ShowAsync(IAsyncEnumerable<RunEvent> events) => console.Progress()
        .AutoClear(false)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 },
            new TextColumn(task => Of(task) is { } stage ? $"{stage.Done}/{stage.Stage.Steps}" : string.Empty),
            new TextColumn(task => Of(task)?.Rate ?? string.Empty))
        .StartAsync(context => Follow(context, events));

    private async Task Follow(ProgressContext context, IAsyncEnumerable<RunEvent> events)
    {
        ProgressTask? bar = null;
        StageProgress? progress = null;
        await foreach (var @event in events.ConfigureAwait(false))
        {
            switch (@event)
            {
                case StageBegan stage:
                    bar?.StopTask();
                    progress = new StageProgress(stage);
                    bar = context.AddTask(Markup.Escape(stage.Name), maxValue: Math.Max(1, stage.Steps));
                    _stages[bar.Id] = progress;
                    break;
                case StepDone step when bar is not null && progress is not null:
                    progress.See(step);
                    bar.Value = progress.Done;
                    bar.Description = $"{Markup.Escape(progress.Stage.Name)}  [grey]{Markup.Escape(progress.Numbers)}[/]";
                    break;
                case Diagnosed or Logged { Level: "warning" or "error" }:
                    console.MarkupLine($"[yellow]{Markup.Escape(Words.Of(@event)!)}[/]");
                    break;
                default:
                    if (Words.Of(@event) is { } line)
                    {
                        console.MarkupLine(Markup.Escape(line));
                    }

                    break;
            }
        }

        bar?.StopTask();
    }

    private StageProgress? Of(ProgressTask task) => _stages.GetValueOrDefault(task.Id);

    private sealed class TextColumn(Func<ProgressTask, string> text) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(text(task), new Style(Color.Grey));
    }
}
