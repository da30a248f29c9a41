using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Claims;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb plugins list</c>: what is installed, read from metadata; no plugin code is loaded, except for the papers' options.</summary>
internal static class PluginsListCommand
{
    private static readonly Option<bool> AsJson = CommandTree.Json();

    private static readonly Option<bool> Papers = new("--papers") { Description = "List the papers instead: title, loop, kinds, options with defaults, what came of the claim. Loads the papers' plugins." };
    private static readonly Option<string?> Out = new("--out") { Description = "With --papers: write the list to a file as a page of the documentation, such as docs/papers.md.", HelpName = "FILE" };

    internal static Command Build()
    {
        var command = new Command("list", "Lists the plugins and the parts they bring, broken ones with the reason. Loads no plugin code, except with --papers.") { AsJson, Papers, Out };
        command.Validators.Add(given =>
        {
            if (given.GetValue(Out) is not null && !given.GetValue(Papers))
            {
                given.AddError("--out writes the list of papers; give --papers too");
            }
        });
        return command.Does(List);
    }

    private static int List(ParseResult result)
    {
        var catalog = CommandTree.Catalog(result);
        if (result.GetValue(Papers))
        {
            return ListPapers(result, catalog);
        }

        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonObject { ["folder"] = catalog.Folder, ["shipped"] = catalog.Place.Shipped, ["plugins"] = new JsonArray([.. catalog.Plugins.Select(Describe)]) });
            return ExitCodes.Success;
        }

        var console = Output.Console();
        var table = new Table().AddColumns("kind", "id", "plugin", "version", "paper", "what it is");
        foreach (var (plugin, part, summary) in catalog.Plugins.SelectMany(Parts).OrderBy(row => row.Part.Kind, StringComparer.Ordinal).ThenBy(row => row.Part.Id, StringComparer.Ordinal))
        {
            table.AddRow([.. new[] { part.Kind, part.Id, plugin.Name, plugin.Version, part.Paper ?? string.Empty, summary }.Select(Markup.Escape)]);
        }

        console.Write(table);
        var broken = catalog.Plugins.Where(plugin => plugin.Broken is not null).ToList();
        foreach (var plugin in broken)
        {
            console.Markup("[yellow]broken:[/] ");
            console.Plain($"{plugin.Name}: {plugin.Broken}");
        }

        var count = catalog.Plugins.Count(plugin => !plugin.BuiltIn);
        console.Plain($"{count} plugins in {catalog.Place}{(broken.Count > 0 ? $", {broken.Count} of them broken" : string.Empty)}");
        return ExitCodes.Success;
    }

    private static int ListPapers(ParseResult result, PluginCatalog catalog)
    {
        var papers = PaperCatalogue.Of(new PartRegistry(catalog, new ServiceCollection()), ClaimDocuments.Known());
        if (result.GetValue(Out) is { } path)
        {
            File.WriteAllText(path, PaperCatalogue.Markdown(papers));
            Console.Error.WriteLine($"plumb: wrote {path}, {papers.Count} papers");
        }

        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonArray([.. papers.Select(paper => paper.ToJson())]));
        }
        else if (result.GetValue(Out) is null)
        {
            var table = new Table().AddColumns("id", "title", "paper", "loop", "kinds", "claim");
            foreach (var paper in papers)
            {
                table.AddRow([.. new[] { paper.Paper.Id, paper.Paper.Title ?? string.Empty, paper.Paper.Arxiv ?? string.Empty, paper.Paper.Loop ?? string.Empty, string.Join(", ", paper.Kinds), paper.Verdict }.Select(Markup.Escape)]);
            }

            var console = Output.Console();
            console.Write(table);
            console.Plain($"{papers.Count} papers in {catalog.Place}");
        }

        return ExitCodes.Success;
    }

    private static IEnumerable<(InstalledPlugin Plugin, PartHeader Part, string Summary)> Parts(InstalledPlugin plugin)
    {
        if (plugin.Header is not { } header)
        {
            return [];
        }

        var summaries = XmlSummaries.Of(header.Path);
        return plugin.Parts.Select(part => (plugin, part, summaries.OfType(part.TypeName)));
    }

    private static JsonObject Describe(InstalledPlugin plugin) => new()
    {
        ["name"] = plugin.Name,
        ["version"] = plugin.Header is null ? null : plugin.Version,
        ["path"] = plugin.Header?.Path ?? plugin.Folder,
        ["built_in"] = plugin.BuiltIn,
        ["broken"] = plugin.Broken,
        ["parts"] = new JsonArray([.. Parts(plugin).Select(row => new JsonObject
        {
            ["kind"] = row.Part.Kind,
            ["id"] = row.Part.Id,
            ["paper"] = row.Part.Paper,
            ["title"] = row.Part.Title,
            ["loop"] = row.Part.Loop,
            ["summary"] = row.Summary,
        })]),
    };
}
