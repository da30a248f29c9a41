using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Spectre.Console;
using TorchSharp;
#if LIBTORCH_ENGINE
using Plumbline.Engine;
#endif

namespace Plumbline.Host.Commands;

/// <summary><c>plumb doctor</c>: what this machine has, and what is wrong with it.</summary>
internal static class DoctorCommand
{
    // A matrix product by a slow BLAS reaches single digits on any machine, by a fast one some tens a core.
    private const double SlowGigaflops = 20;
    private static readonly Option<bool> AsJson = CommandTree.Json();
    private static readonly Option<string?> Bisect = new("--bisect") { Description = "Find the plugin that breaks this manifest's run: repeats it with short stages, leaving parts out. Exit code 1 where one was found.", HelpName = "MANIFEST" };
    private static readonly Option<int> Steps = new("--steps") { Description = "With --bisect: steps a stage at most.", HelpName = "N", DefaultValueFactory = _ => 3 };

    internal static Command Build() => new Command("doctor", "Looks at the engine, libtorch, its BLAS, the devices and the plugins, and says what is wrong. Exit code 1 where something is.") { Bisect, Steps, AsJson }.Does(LookAsync);

    private static Task<int> LookAsync(ParseResult result) => result.GetValue(Bisect) is { } manifest ? BisectAsync(manifest, result) : Task.FromResult(Look(result));

    private static async Task<int> BisectAsync(string path, ParseResult result)
    {
        var json = result.GetValue(AsJson);
        var found = await new Bisection(
            ManifestReader.Read(path), Path.GetDirectoryName(Path.GetFullPath(path))!, CommandTree.Catalog(result), result.GetValue(Steps), line => (json ? Console.Error : Console.Out).WriteLine(line)).FindAsync().ConfigureAwait(false);
        if (json)
        {
            Output.Json(found);
        }
        else
        {
            Output.Console().Plain((string?)found["culprit"] is { } culprit ? $"plugin '{culprit}' breaks the run: {found["why"]}" : (string)found["why"]!);
        }

        return found["culprit"] is null ? ExitCodes.Success : ExitCodes.Failed;
    }

    private static int Look(ParseResult result)
    {
        var findings = new List<(string Subject, string Words, bool Well)>();
        Engine(findings);
        var catalog = CommandTree.Catalog(result);
        var broken = Broken(catalog);
        findings.Add(("plugin loader", PluginAssemblies.Loader, true));
        findings.Add(("plugins", $"{catalog.Plugins.Count(plugin => !plugin.BuiltIn)} in {catalog.Place}, contract {SharedAssemblies.ContractVersion.ToString(3)}", true));
        findings.AddRange(broken.Select(plugin => ($"plugin {plugin.Name}", plugin.Broken!, false)));
        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonArray([.. findings.Select(finding => new JsonObject { ["subject"] = finding.Subject, ["finding"] = finding.Words, ["well"] = finding.Well })]));
        }
        else
        {
            var console = Output.Console();
            foreach (var (subject, words, well) in findings)
            {
                console.Markup(well ? "[green]ok  [/] " : "[yellow]WARN[/] ");
                console.Plain($"{subject}: {words}");
            }
        }

        return findings.TrueForAll(finding => finding.Well) ? ExitCodes.Success : ExitCodes.Failed;
    }

    /// <summary>Loads every plugin: some break only then.</summary>
    private static List<InstalledPlugin> Broken(PluginCatalog catalog)
    {
        var registry = new PartRegistry(catalog, new ServiceCollection());
        foreach (var plugin in catalog.Plugins.Where(plugin => plugin.Broken is null))
        {
            try
            {
                registry.Load(plugin);
            }
            catch (PlumblineException)
            {
                // The plugin has the reason now.
            }
        }

        return [.. catalog.Plugins.Where(plugin => plugin.Broken is not null)];
    }

    private static void Engine(List<(string Subject, string Words, bool Well)> findings)
    {
        try
        {
#if LIBTORCH_ENGINE
            // Asked first: it loads the library.
            var version = EngineInfo.Version;
            findings.Add(("engine", $"Plumbline.Torch over {EngineInfo.NativeLibrary}", true));
            findings.Add(("libtorch", $"{version} ({Mapped("libtorch_cpu")})", true));
#else
            findings.Add(("engine", $"TorchSharp {typeof(torch).Assembly.GetName().Version}", true));
            findings.Add(("libtorch", Mapped("libtorch_cpu"), true));
#endif
            findings.Add(Blas());
            var devices = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
            findings.Add(("devices", devices == 0 ? $"cpu ({Environment.ProcessorCount} cores, {torch.get_num_threads()} threads); libtorch sees no CUDA device" : $"cpu, {devices} CUDA device(s)", true));
        }
        catch (Exception error) when (error is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException)
        {
            findings.Add(("engine", error.GetBaseException().Message.ReplaceLineEndings(" "), false));
        }
    }

    /// <summary>Times a matrix product: the library's name alone does not tell whether it is fast.</summary>
    private static (string, string, bool) Blas()
    {
        const int Side = 512;
        using var scope = torch.NewDisposeScope();
        using var still = torch.no_grad();
        var (a, b) = (torch.ones([Side, Side]), torch.ones([Side, Side]));
        _ = a.matmul(b);
        var best = double.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var began = Stopwatch.GetTimestamp();
            _ = a.matmul(b);
            best = Math.Min(best, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        var rate = 2.0 * Side * Side * Side / best / 1e9;
        var name = Mapped("openblas") is { Length: > 0 } open ? open : Mapped("mkl") is { Length: > 0 } mkl ? mkl : Mapped("libblas") is { Length: > 0 } plain ? plain : "inside libtorch";
        var words = string.Create(CultureInfo.InvariantCulture, $"{name}, {rate:F0} GFLOP/s in a {Side} matrix product");
        return rate >= SlowGigaflops ? ("BLAS", words, true)
            : ("BLAS", words + ": slow. Install libopenblas0-pthread (apt-get install libopenblas0-pthread), or use PyTorch's libtorch; matrix products will be many times faster", false);
    }

    /// <summary>The path of a library that this process has mapped; empty where there is none.</summary>
    private static string Mapped(string name) => File.Exists("/proc/self/maps")
        ? File.ReadLines("/proc/self/maps").Select(line => line[(line.IndexOf('/', StringComparison.Ordinal) is var at and >= 0 ? at : line.Length)..])
            .FirstOrDefault(path => Path.GetFileName(path).Contains(name, StringComparison.Ordinal)) ?? string.Empty
        : string.Empty;
}
