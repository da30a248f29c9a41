using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Options;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb run --dry-run</c>: everything about a run that can be known without a tensor.</summary>
/// <remarks>It loads the plugins that the manifest names into this process: their options records say what is right.</remarks>
internal static class DryRun
{
    internal static int Print(JsonObject json, PluginCatalog catalog, bool asJson)
    {
        var services = new ServiceCollection().AddLogging();
        var registry = new PartRegistry(catalog, services);
        var manifest = ManifestReader.Bind(json, registry);
        using var provider = services.BuildServiceProvider();
        var estimate = RunEstimate.Of(manifest, provider);
        var plugins = registry.Catalog.Plugins.Where(plugin => registry.Loaded.Contains(plugin.Name)).ToList();
        var resolved = OptionsWriter.ToJson(manifest)!;
        if (asJson)
        {
            Console.Out.WriteLine(Output.Line(new JsonObject
            {
                ["manifest"] = resolved,
                ["plugins"] = new JsonArray([.. plugins.Select(plugin => new JsonObject { ["name"] = plugin.Name, ["version"] = plugin.Version, ["path"] = plugin.Header!.Path })]),
                ["estimate"] = estimate.ToJson(),
            }));
            return ExitCodes.Success;
        }

        var console = Output.Console();
        console.Plain(Output.Text(resolved));
        console.WriteLine();
        console.Plain("plugins: " + string.Join(", ", plugins.Select(plugin => $"{plugin.Name} {plugin.Version}")));
        foreach (var line in estimate.Lines())
        {
            console.Plain(line);
        }

        console.WriteLine("dry run: nothing was run or written");
        return ExitCodes.Success;
    }
}
