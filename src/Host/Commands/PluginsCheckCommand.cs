using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Training.Verification;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb plugins check</c>: what a user would get who installed a plugin. Its code runs in a process of its own.</summary>
internal static class PluginsCheckCommand
{
    /// <summary>The first argument of the process that loads the plugin; not for users.</summary>
    internal const string LoadCommand = "load-plugin";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
    private static readonly Argument<string> Source = new("path") { Description = "A package (.nupkg, .zip), or a plugin's folder or assembly." };
    private static readonly Option<string?> Vectors = new("--vectors") { Description = "Reference cases: a file, or a folder of them. Default: the folder 'vectors' in the plugin.", HelpName = "PATH" };
    private static readonly Option<bool> AsJson = CommandTree.Json();

    internal static Command Build() => new Command("check", "Loads a plugin in a process of its own, beside nothing but the host, and reports its parts, contract, dependencies, and whether its reference cases pass. Exit code 1 where something is wrong.") { Source, Vectors, AsJson }.Does(CheckAsync);

    /// <summary>Loads the one plugin of a folder and checks its cases; prints a line of JSON.</summary>
    internal static int Load(string folder, string? vectors)
    {
        var catalog = PluginCatalog.Open(new PluginPlace(folder, Shipped: null));
        var plugin = catalog.Plugins.Single(plugin => !plugin.BuiltIn);
        var registry = new PartRegistry(catalog, new ServiceCollection());
        var findings = new JsonArray();
        var cases = new JsonArray();
        try
        {
            var assembly = registry.Load(plugin);
            foreach (var part in plugin.Parts)
            {
                try
                {
                    _ = PartCard.Of(registry, plugin, part);
                }
                catch (PlumblineException error)
                {
                    findings.Add(error.Message);
                }
            }

            foreach (var file in Files(vectors ?? Path.Combine(plugin.Folder, "vectors")))
            {
                foreach (var outcome in new VectorChecker(registry, [assembly]).Check(VectorFile.Read(file)))
                {
                    cases.Add(new JsonObject { ["target"] = outcome.Target, ["case"] = outcome.Case, ["passed"] = outcome.Passed, ["message"] = outcome.Message });
                }
            }
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            findings.Add(error.Message.ReplaceLineEndings(" "));
        }

        Console.Out.WriteLine(Output.Line(new JsonObject { ["findings"] = findings, ["cases"] = cases }));
        return ExitCodes.Success;
    }

    private static async Task<int> CheckAsync(ParseResult result)
    {
        var source = result.GetRequiredValue(Source);
        var alone = Directory.CreateTempSubdirectory("plumb-check-").FullName;
        try
        {
            var unpacked = Directory.CreateDirectory(Path.Combine(alone, ".unpacked")).FullName;
            var name = PluginPackage.Unpack(source, unpacked);
            Directory.Move(unpacked, Path.Combine(alone, name));
            var plugin = PluginFolder.Read(Path.Combine(alone, name));
            var report = new JsonObject
            {
                ["name"] = name,
                ["version"] = plugin.Version,
                ["contract"] = plugin.Header?.References.FirstOrDefault(reference => reference.Name == SharedAssemblies.Contract)?.Version?.ToString(3),
                ["contract_range"] = plugin.Header?.ContractRange is { } range ? $"{range.From} to below {range.Below}" : null,
                ["parts"] = new JsonArray([.. plugin.Parts.Select(part => (JsonNode)$"{part.Kind} {part.Id}")]),
                ["dependencies"] = new JsonArray([.. (plugin.Header?.References ?? []).Where(reference => !SharedAssemblies.IsFramework(reference.Name!)).OrderBy(reference => reference.Name, StringComparer.Ordinal)
                    .Select(reference => (JsonNode)$"{reference.Name} {reference.Version}{(SharedAssemblies.Contains(reference.Name!) ? ", the host's" : string.Empty)}")]),
            };
            var loaded = plugin.Broken is { } broken ? new JsonObject { ["findings"] = new JsonArray(broken), ["cases"] = new JsonArray() }
                : plugin.Parts.Count == 0 ? new JsonObject { ["findings"] = new JsonArray("its assembly declares no part"), ["cases"] = new JsonArray() }
                : await LoadApart(alone, result.GetValue(Vectors)).ConfigureAwait(false);
            report["findings"] = loaded["findings"]!.DeepClone();
            report["cases"] = loaded["cases"]!.DeepClone();
            var failed = report["cases"]!.AsArray().Count(@case => !(bool)@case!["passed"]!);
            report["well"] = failed == 0 && report["findings"]!.AsArray().Count == 0;
            Print(report, failed, result.GetValue(AsJson));
            return (bool)report["well"]! ? ExitCodes.Success : ExitCodes.Failed;
        }
        finally
        {
            Directory.Delete(alone, recursive: true);
        }
    }

    private static void Print(JsonObject report, int failed, bool asJson)
    {
        if (asJson)
        {
            Output.Json(report);
            return;
        }

        var console = Output.Console();
        console.Plain($"{report["name"]} {report["version"]}, built for contract {report["contract"] ?? "?"}{(report["contract_range"] is { } range ? $" (works with {range})" : string.Empty)}; this host has {SharedAssemblies.ContractVersion.ToString(3)}");
        console.Plain("parts: " + Joined(report["parts"]!));
        console.Plain("dependencies: " + Joined(report["dependencies"]!));
        var cases = report["cases"]!.AsArray();
        console.Plain(cases.Count == 0 ? "reference cases: none" : $"reference cases: {cases.Count - failed} passed, {failed} failed");
        foreach (var @case in cases.Where(@case => !(bool)@case!["passed"]!))
        {
            console.Plain($"failed {@case!["target"]}: {@case["case"]}: {@case["message"]}");
        }

        foreach (var finding in report["findings"]!.AsArray())
        {
            console.Plain($"wrong: {finding}");
        }

        console.Plain((bool)report["well"]! ? "well: it can be installed" : "not well: it should not be installed as it is");

        static string Joined(JsonNode list) => list.AsArray() is { Count: > 0 } some ? string.Join(", ", some.Select(item => item!.ToString())) : "none";
    }

    private static async Task<JsonObject> LoadApart(string folder, string? vectors)
    {
        var start = WorkerProcess.Program(LoadCommand, folder, vectors is null ? string.Empty : Path.GetFullPath(vectors));
        using var process = Process.Start(start) ?? throw new PlumblineException("the process that loads the plugin did not start");
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(Longest);
        try
        {
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.KillTree();
            return Finding($"loading it and checking its cases took longer than {Longest.TotalMinutes:F0} minutes");
        }

        var last = (await output.ConfigureAwait(false)).TrimEnd().Split('\n')[^1];
        try
        {
            return JsonNode.Parse(last) as JsonObject ?? Died();
        }
        catch (JsonException)
        {
            return Died();
        }

        JsonObject Died() => Finding($"it ended the process that loaded it (exit code {process.ExitCode}): {error.Result.ReplaceLineEndings(" ").Trim()}");

        static JsonObject Finding(string words) => new() { ["findings"] = new JsonArray(words), ["cases"] = new JsonArray() };
    }

    private static IEnumerable<string> Files(string path) => File.Exists(path) ? [path]
        : Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.json").Order(StringComparer.Ordinal) : [];
}
