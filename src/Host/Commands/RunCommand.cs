using System.CommandLine;
using System.Text.Json.Nodes;
using Plumbline.Host.Manifests;
using Plumbline.Host.Runs;
using Plumbline.Host.Terminal;
using Plumbline.Options;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb run</c>: reads a manifest, starts a worker for it and shows what comes of it.</summary>
internal static class RunCommand
{
    private static readonly Argument<string> ManifestPath = new("manifest") { Description = "A manifest: JSON, with comments if you like." };
    private static readonly Option<string[]> Set = new("--set") { Description = "Change the manifest before it is read; may be given several times. Example: --set stages[1].learning_rate=1e-4", HelpName = "PATH=VALUE" };
    private static readonly Option<string?> OnDevice = new("--device") { Description = "Where tensors live: auto, cpu, cuda, cuda:1.", HelpName = "DEVICE" };
    private static readonly Option<long?> Seed = new("--seed") { Description = "The seed that every draw of the run is keyed by.", HelpName = "N" };
    private static readonly Option<string?> Out = new("--out") { Description = "The run's folder; must be new or empty. Default: runs/<name>-<time>.", HelpName = "DIR" };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Print the resolved manifest, the parts and their versions, every error, and an estimate of memory and time. Makes no tensor." };
    private static readonly Option<double> HangAfter = new("--hang-after") { Description = "Seconds without any sign from the worker, and at least 200 median steps, after which it is ended as hung.", HelpName = "SECONDS", DefaultValueFactory = _ => 300 };
    private static readonly Option<bool> AsJson = new("--json") { Description = "Print nothing but the result, as one line of JSON; words for people go to standard error." };

    static RunCommand() => HangAfter.Validators.Add(given =>
    {
        if (given.GetValueOrDefault<double>() is var seconds && !(seconds > 0 && seconds <= TimeSpan.FromDays(30).TotalSeconds))
        {
            given.AddError($"--hang-after must be a number of seconds above 0 and at most {TimeSpan.FromDays(30).TotalSeconds}");
        }
    });

    internal static Command Build() => new Command("run", "Runs a manifest. Ctrl-C ends it at a step boundary with everything written; a second Ctrl-C at once. The last line printed is the result as JSON. " + ExitCodes.Help)
    {
        ManifestPath, Set, OnDevice, Seed, Out, DryRun, HangAfter, AsJson,
    }.Does(RunAsync);

    private static async Task<int> RunAsync(ParseResult result)
    {
        try
        {
            return await StartAsync(result).ConfigureAwait(false);
        }
        catch (ManifestException refused) when (result.GetValue(AsJson) || !result.GetValue(DryRun))
        {
            // Refused before there was a worker: the last line is the result all the same.
            await Console.Out.WriteLineAsync(Output.Line(Supervisor.Refusal(CommandTree.Lines(refused)))).ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<int> StartAsync(ParseResult result)
    {
        var path = result.GetRequiredValue(ManifestPath);
        var manifest = Change(ManifestReader.Read(path), result);
        var baseFolder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var plugins = result.GetValue(CommandTree.Plugins);
        if (result.GetValue(DryRun))
        {
            return Commands.DryRun.Print(manifest, CommandTree.Catalog(result), result.GetValue(AsJson));
        }

        // Found here too, so that a wrong folder is told before anything starts.
        _ = Plumbline.Host.Plugins.PluginPlace.Locate(plugins);
        if (result.GetValue(CommandTree.Locked))
        {
            _ = CommandTree.Catalog(result);
        }

        var console = Output.Console(error: result.GetValue(AsJson));
        var inTerminal = console.Profile.Capabilities is { Interactive: true, Ansi: true };
        IRunView view = inTerminal ? new BarView(console) : new LineView(result.GetValue(AsJson) ? Console.Error : Console.Out);
        var supervisor = new Supervisor(view, TimeSpan.FromSeconds(result.GetValue(HangAfter)));
        var ended = await supervisor.RunAsync(new RunJob
        {
            Manifest = manifest,
            BaseFolder = baseFolder,
            Plugins = plugins,
            Locked = result.GetValue(CommandTree.Locked),
            Out = result.GetValue(Out) is { } folder ? Path.GetFullPath(folder) : null,
        }).ConfigureAwait(false);
        RunSummary.Show(console, supervisor.State, ended);
        await Console.Out.WriteLineAsync(Output.Line(ended)).ConfigureAwait(false);
        return (int)ended["exit_code"]!;
    }

    /// <summary>The manifest with the command line's changes, in the order they were given.</summary>
    private static JsonObject Change(JsonObject manifest, ParseResult result)
    {
        foreach (var change in result.GetValue(Set) ?? [])
        {
            Override.Parse(change).Apply(manifest);
        }

        if (result.GetValue(OnDevice) is { } device)
        {
            manifest["device"] = device;
        }

        if (result.GetValue(Seed) is { } seed)
        {
            manifest["seed"] = seed;
        }

        return manifest;
    }
}
