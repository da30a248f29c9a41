using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Host.Commands;
using Plumbline.Host.Runs;
using Spectre.Console;

namespace Plumbline.Host.Terminal;

/// <summary>The end of a run for its reader: what was measured, some samples, where the files are.</summary>
internal static class RunSummary
{
    private const int MostSamples = 4;
    private const int LongestText = 60;

    internal static void Show(IAnsiConsole console, RunState state, JsonObject result)
    {
        if (state.Evaluations.Count > 0)
        {
            Measured(console, state.Evaluations);
        }

        if (state.Samples.Count > 0)
        {
            Samples(console, state.Samples);
        }

        if ((result["errors"] as JsonArray ?? []) is { Count: > 0 } errors)
        {
            console.MarkupLine($"[red]refused:[/] {errors.Count} error{(errors.Count == 1 ? string.Empty : "s")}");
            foreach (var error in errors)
            {
                console.Plain("  " + (string)error!);
            }
        }

        if ((string?)result["error"] is { } failure)
        {
            console.Markup($"[red]{Markup.Escape((string)result["verdict"]!)}:[/] ");
            console.Plain(failure);
        }

        foreach (var diagnosis in (result["diagnoses"] as JsonArray ?? []).OfType<JsonObject>())
        {
            console.Markup($"[yellow]{((bool?)diagnosis["warning"] == true ? "warning" : "diagnosis")} {Markup.Escape((string)diagnosis["name"]!)}:[/] ");
            console.Plain((string)diagnosis["message"]!);
        }

        if ((string?)result["folder"] is { } folder)
        {
            console.Plain($"files: {folder}");
        }
    }

    private static void Measured(IAnsiConsole console, List<Evaluated> evaluations)
    {
        var table = new Table().AddColumn("measured");
        foreach (var evaluation in evaluations)
        {
            table.AddColumn(new TableColumn(Markup.Escape(evaluation.After == "start" ? "start" : "after " + evaluation.After)).RightAligned());
        }

        foreach (var name in evaluations.SelectMany(evaluation => evaluation.Results.Keys).Distinct())
        {
            table.AddRow([Markup.Escape(name), .. evaluations.Select(evaluation =>
                evaluation.Results.TryGetValue(name, out var value) ? value.ToString("0.####", CultureInfo.InvariantCulture) : string.Empty)]);
        }

        console.Write(table);
    }

    private static void Samples(IAnsiConsole console, List<Sampled> samples)
    {
        var table = new Table().AddColumn("prompt").AddColumn("completion").AddColumn(new TableColumn("reward").RightAligned());
        foreach (var sample in samples.Take(MostSamples))
        {
            table.AddRow(Text(sample.Sample["prompt"]), Text(sample.Sample["completion"]), Text(sample.Sample["reward"]));
        }

        console.Write(table);
    }

    private static string Text(JsonNode? node)
    {
        var text = (node is JsonValue value && value.TryGetValue<string>(out var words) ? words : node?.ToJsonString() ?? string.Empty).ReplaceLineEndings("⏎");
        return Markup.Escape(text.Length > LongestText ? "…" + text[^LongestText..] : text);
    }
}
