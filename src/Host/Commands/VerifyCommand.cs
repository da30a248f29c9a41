using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Training.Verification;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb verify</c>: methods against reference cases, in float64.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<string[]> Ids = new("id") { Description = "Papers to check, such as dpo. Default: all that have vectors.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Vectors = new("--vectors") { Description = "The folder of vectors files, <id>.json each. Default: the folder 'tests/vectors' or 'vectors' here, beside the program, or above either.", HelpName = "DIR" };
    private static readonly Option<string?> JsonFile = new("--json") { Description = "Write the results to a file: a list with an object a case: paper, target, case, passed, message.", HelpName = "FILE" };

    internal static Command Build() => new Command("verify", "Checks methods against reference cases: outputs, gradients and refusals, in float64. A paper whose plugin is not installed is skipped, and listed.") { Ids, Vectors, JsonFile }.Does(Verify);

    private static int Verify(ParseResult result)
    {
        var catalog = CommandTree.Catalog(result);
        var registry = new PartRegistry(catalog, new ServiceCollection());
        var console = Output.Console();
        var cases = new JsonArray();
        var (passed, failed) = (0, 0);
        var skipped = new List<string>();
        foreach (var file in Files(result))
        {
            var needed = NeededFor(catalog, file);
            if (needed.Count == 0 && !BelowThePlugins(file))
            {
                skipped.Add(file.Paper);
                cases.Add(new JsonObject { ["paper"] = file.Paper, ["target"] = null, ["case"] = null, ["passed"] = null, ["skipped"] = true, ["message"] = $"skipped: no installed plugin brings '{file.Paper}'" });
                continue;
            }

            foreach (var outcome in Check(registry, file, needed))
            {
                (passed, failed) = outcome.Passed ? (passed + 1, failed) : (passed, failed + 1);
                if (!outcome.Passed)
                {
                    console.Markup("[red]failed[/] ");
                    console.Plain($"{outcome.Target}: {outcome.Case}: {outcome.Message}");
                }

                cases.Add(new JsonObject { ["paper"] = outcome.Paper, ["target"] = outcome.Target, ["case"] = outcome.Case, ["passed"] = outcome.Passed, ["skipped"] = false, ["message"] = outcome.Message });
            }
        }

        if (result.GetValue(JsonFile) is { } path)
        {
            File.WriteAllText(path, Output.Text(cases) + Environment.NewLine);
        }

        if (skipped.Count > 0)
        {
            console.WriteLine($"skipped, no plugin installed: {string.Join(", ", skipped)}");
        }

        console.WriteLine($"{passed} passed, {failed} failed{(skipped.Count > 0 ? $", {skipped.Count} papers skipped" : string.Empty)}");
        return failed > 0 || passed == 0 ? ExitCodes.Failed : ExitCodes.Success;
    }

    /// <summary>A plugin that can't be loaded fails every case of its paper, with the reason.</summary>
    private static IReadOnlyList<CaseResult> Check(PartRegistry registry, VectorFile file, IReadOnlyList<InstalledPlugin> needed)
    {
        try
        {
            return new VectorChecker(registry, [.. needed.Select(registry.Load)]).Check(file);
        }
        catch (PlumblineException broken)
        {
            return [.. file.Cases.Select(@case => new CaseResult(file.Paper, @case.Target, @case.Name, false, broken.Message))];
        }
    }

    private static IEnumerable<VectorFile> Files(ParseResult result)
    {
        var folder = result.GetValue(Vectors) is { } named
            ? Directory.Exists(named) ? named : throw new PlumblineException($"there is no vectors folder {Path.GetFullPath(named)}")
            : Find() ?? throw new PlumblineException("found no folder 'tests/vectors' or 'vectors' here or beside the program; name one with --vectors");
        var ids = result.GetValue(Ids) ?? [];
        foreach (var id in ids.Where(id => !File.Exists(Path.Combine(folder, id + ".json"))))
        {
            throw new PlumblineException($"there are no reference cases for '{id}': no file {Path.Combine(folder, id + ".json")}");
        }

        var paths = ids.Length > 0 ? ids.Select(id => Path.Combine(folder, id + ".json")) : Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal);
        return paths.Select(VectorFile.Read);
    }

    private static string? Find()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                foreach (var name in new[] { Path.Combine("tests", "vectors"), "vectors" })
                {
                    if (Directory.Exists(Path.Combine(folder.FullName, name)))
                    {
                        return Path.Combine(folder.FullName, name);
                    }
                }
            }
        }

        return null;
    }

    /// <summary>Whether all the file's targets are building blocks that come with the host.</summary>
    private static bool BelowThePlugins(VectorFile file)
    {
        var known = new VectorChecker().Known.ToHashSet(StringComparer.Ordinal);
        return file.Cases.All(@case => known.Contains(@case.Target));
    }

    /// <summary>The plugins whose parts or functions the file's targets name; none where the paper itself is not installed.</summary>
    private static List<InstalledPlugin> NeededFor(PluginCatalog catalog, VectorFile file)
    {
        var targets = file.Cases.Select(@case => @case.Target).ToHashSet(StringComparer.Ordinal);
        var own = catalog.WithId(file.Paper).Select(pair => pair.Plugin).ToList();
        var functions = catalog.Plugins.Where(plugin => plugin.Header?.Targets.Any(targets.Contains) == true).ToList();
        // A paper of functions alone is where its functions are; else its plugin must be there.
        return targets.Contains(file.Paper) && own.Count == 0 ? [] : [.. own.Concat(functions).Distinct()];
    }
}
