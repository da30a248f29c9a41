using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Options;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb plugins show</c>: one id, of every kind that has it: options, paper, an example.</summary>
internal static class PluginsShowCommand
{
    private static readonly Argument<string> Id = new("id") { Description = "The id of a part, such as grpo." };
    private static readonly Option<bool> AsJson = CommandTree.Json();

    internal static Command Build() => new Command("show", "Shows a part: what it is, its options with defaults, ranges and summaries, its paper, an example.") { Id, AsJson }.Does(Show);

    private static int Show(ParseResult result)
    {
        var catalog = CommandTree.Catalog(result);
        var id = result.GetRequiredValue(Id);
        var found = catalog.WithId(id).ToList();
        if (found.Count == 0)
        {
            var ids = catalog.Plugins.SelectMany(plugin => plugin.Parts).Select(part => part.Id).Distinct().Order(StringComparer.Ordinal).ToList();
            var hint = Naming.Nearest(id, ids) is { } nearest ? $"did you mean '{nearest}'? " : string.Empty;
            throw new PlumblineException($"no installed plugin has a part '{id}'; {hint}plumb plugins list shows what there is");
        }

        var registry = new PartRegistry(catalog, new ServiceCollection());
        // A method that is also the part in its loop's slot is shown once, as the method.
        var cards = found.Where(pair => !found.Any(other => other.Part.Kind == Kinds.Algorithm && other.Part.SlotKind == pair.Part.Kind))
            .Select(pair => PartCard.Of(registry, pair.Plugin, pair.Part)).ToList();
        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonArray([.. cards.Select(card => card.ToJson())]));
            return ExitCodes.Success;
        }

        var console = Output.Console();
        foreach (var card in cards)
        {
            Print(console, card);
        }

        return ExitCodes.Success;
    }

    private static void Print(IAnsiConsole console, PartCard card)
    {
        console.MarkupLine($"[bold]{Markup.Escape(card.Part.Id)}[/]  {Markup.Escape(card.Part.Kind)}, plugin {Markup.Escape(card.Plugin.Name)} {Markup.Escape(card.Plugin.Version)}");
        console.WriteLine(card.Summary);
        if (card.Part.Paper is { } paper)
        {
            console.WriteLine($"paper: {card.Part.Title} (arXiv {paper})");
        }

        if (card.Part.Loop is { } loop)
        {
            console.WriteLine($"kinds: {card.Part.Kind}, {card.Part.SlotKind}; runs in the loop {loop}");
        }

        if (card.Options.Count > 0)
        {
            var table = new Table().AddColumns("option", "type", "default", "range", "what it is");
            foreach (var option in card.Options)
            {
                table.AddRow(
                    Markup.Escape(option.Name), Markup.Escape(option.Type), Markup.Escape(option.Required ? "required" : Default(option.Default)), Markup.Escape(option.Rule), Markup.Escape(option.Summary));
            }

            console.Write(table);
        }

        console.WriteLine(card.ExampleTitle);
        console.Plain(Output.Text(card.Example));
        console.WriteLine();
    }

    private static string Default(JsonNode? value) => value is null ? "null" : Output.Line(value);
}
