using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Claims;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Host.Terminal;
using Plumbline.Options;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb reproduce</c>: runs the experiments of papers' claims, and says whether they hold here.</summary>
internal static class ReproduceCommand
{
    private static readonly Argument<string[]> Ids = new("id") { Description = "Papers to reproduce, such as simpo.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<bool> All = new("--all") { Description = "Reproduce every installed paper with a claim, and write docs/claims.md and docs/claims.json." };
    private static readonly Option<bool> Update = new("--update") { Description = "Write the results into docs/claims.md and docs/claims.json, beside those of other papers." };
    private static readonly Option<string?> Out = new("--out") { Description = "The folder of the runs, which is kept; must be new or empty. Default: runs/reproduce-<id>-<time>, kept where something did not hold.", HelpName = "DIR" };
    private static readonly Option<bool> Keep = new("--keep") { Description = "Keep the runs' folders of claims that held too." };
    private static readonly Option<int?> Jobs = new("--jobs") { Description = "Runs at a time. Default: as many as cores.", HelpName = "N" };
    private static readonly Option<int?> Seeds = new("--seeds") { Description = "Run each arm with so many seeds instead of the claim's number; a quick look, which is written into no documentation.", HelpName = "N" };
    private static readonly Option<string?> AsJson = new("--json") { Description = "Print the results as JSON, or write them to a file: a list with an object a paper.", HelpName = "FILE", Arity = ArgumentArity.ZeroOrOne };

    static ReproduceCommand()
    {
        foreach (var option in new[] { Jobs, Seeds })
        {
            option.Validators.Add(given =>
            {
                if (given.GetValueOrDefault<int?>() is < 1)
                {
                    given.AddError($"{option.Name} must be at least 1");
                }
            });
        }
    }

    internal static Command Build()
    {
        var command = new Command("reproduce", "Runs the small experiments of papers' claims (a plugin's claim.json), each arm and seed as an ordinary run, and says whether what the paper claims holds here. Exit codes: 0 all held; 1 a run failed or something could not be measured; 2 refused; 3 a claim did not hold; 130 interrupted.")
        {
            Ids, All, Update, Out, Keep, Jobs, Seeds, AsJson,
        };
        command.Validators.Add(given =>
        {
            var ids = given.GetValue(Ids) is { Length: > 0 };
            if (ids == given.GetValue(All))
            {
                given.AddError(ids ? "give ids or --all, not both" : "name a paper, such as plumb reproduce simpo, or give --all");
            }

            if (given.GetValue(Update) && given.GetValue(Seeds) is not null)
            {
                given.AddError("--update writes what the claims ask for; take --seeds out");
            }
        });
        return command.Does(RunAsync);
    }

    private static async Task<int> RunAsync(ParseResult result)
    {
        var plugins = result.GetValue(CommandTree.Plugins);
        var catalog = CommandTree.Catalog(result);
        var files = Read(result, catalog);
        var folder = Folder(result, files);
        var quiet = result.GetResult(AsJson) is not null && result.GetValue(AsJson) is null;
        var console = Output.Console(error: quiet);
        IClaimView view = console.Profile.Capabilities is { Interactive: true, Ansi: true } ? new ClaimBars(console) : new ClaimLines(quiet ? Console.Error : Console.Out);
        using var reproduction = new Reproduction(plugins, result.GetValue(Jobs) ?? Environment.ProcessorCount, view);
        var documents = (result.GetValue(All) && result.GetValue(Seeds) is null) || result.GetValue(Update) ? ClaimDocuments.Find() : null;
        var engine = EngineLine.Text();
        var results = new List<ClaimResult>();
        foreach (var file in files)
        {
            if (reproduction.Stopping)
            {
                break;
            }

            var own = files.Count == 1 ? folder : Path.Combine(folder, file.Paper.Id);
            var began = Stopwatch.GetTimestamp();
            IReadOnlyList<RunOutcome> outcomes = [];
            await view.ShowAsync(file.Runs.Count, async () => outcomes = await reproduction.RunAsync(file, own).ConfigureAwait(false)).ConfigureAwait(false);
            var judged = new Judgement(file, outcomes).Result(engine);
            results.Add(judged);
            ClaimReport.Show(console, judged, Stopwatch.GetElapsedTime(began));
            if (judged.Verdict == ClaimResult.Held && !result.GetValue(Keep) && result.GetValue(Out) is null)
            {
                Directory.Delete(own, recursive: true);
            }
            else
            {
                console.Plain($"files: {own}");
            }

            // Paper by paper: a long list of them can be ended and gone on with.
            documents?.Merge(judged);
        }

        if (result.GetValue(All) && !reproduction.Stopping)
        {
            documents?.Keep([.. files.Select(file => file.Paper.Id)]);
        }

        if (documents is not null)
        {
            console.Plain($"wrote {documents.MarkdownPath} and {Path.GetFileName(documents.JsonPath)}");
        }

        Clean(result, folder);
        if (files.Count > 1)
        {
            console.Plain(string.Join(", ", results.GroupBy(claim => claim.Verdict).Select(group => $"{group.Count()} {group.Key}")) + $", of {files.Count} papers");
        }

        await Write(result, results).ConfigureAwait(false);
        return reproduction.Stopping || results.Exists(claim => claim.Verdict == ClaimResult.Interrupted) ? ExitCodes.Interrupted
            : results.Exists(claim => claim.Verdict == ClaimResult.Failed) ? ExitCodes.Failed
            : results.Exists(claim => claim.Verdict == ClaimResult.NotHeld) ? ExitCodes.Diagnosed : ExitCodes.Success;
    }

    /// <summary>Every claim, read and checked before anything runs: all that is wrong with any of them is told at once.</summary>
    private static List<ClaimFile> Read(ParseResult result, PluginCatalog catalog)
    {
        var registry = new PartRegistry(catalog, new ServiceCollection());
        var papers = result.GetValue(All) ? [.. Paper.Of(catalog).Where(paper => paper.ClaimPath is not null)]
            : result.GetValue(Ids)!.Select(id => Find(catalog, id)).DistinctBy(paper => paper.Id).ToList();
        if (papers.Count == 0)
        {
            throw new PlumblineException($"no plugin in {catalog.Place} has a {ClaimFile.Name}");
        }

        var errors = new List<ManifestError>();
        var files = new List<ClaimFile>();
        foreach (var paper in papers)
        {
            try
            {
                files.Add(ClaimFile.Read(paper, registry, result.GetValue(Seeds)));
            }
            catch (ManifestException refused)
            {
                errors.AddRange(refused.Errors is [{ Path: "$" } alone] ? [alone with { Path = paper.Id }] : refused.Errors);
            }
        }

        return errors.Count == 0 ? files : throw new ManifestException(errors);
    }

    private static Paper Find(PluginCatalog catalog, string id)
    {
        if (Paper.Find(catalog, id) is { } paper)
        {
            return paper;
        }

        var ids = Paper.Of(catalog).Select(known => known.Id).ToList();
        throw new ManifestException([new ManifestError(id, $"no installed plugin brings it{(Naming.Nearest(id, ids) is { } nearest ? $"; did you mean '{nearest}'?" : string.Empty)} (papers: {string.Join(", ", ids)})")]);
    }

    private static string Folder(ParseResult result, List<ClaimFile> files)
    {
        if (result.GetValue(Out) is { } asked)
        {
            return !Directory.Exists(asked) || !Directory.EnumerateFileSystemEntries(asked).Any() ? Path.GetFullPath(asked)
                : throw new PlumblineException($"--out {asked} is not empty; name a new folder");
        }

        var name = result.GetValue(All) ? "all" : string.Join("-", files.Take(3).Select(file => file.Paper.Id));
        return Path.GetFullPath(Path.Combine("runs", $"reproduce-{name}-{DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"));
    }

    /// <summary>Takes folders away in which nothing is left.</summary>
    private static void Clean(ParseResult result, string folder)
    {
        if (result.GetValue(Out) is null && Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    }

    private static async Task Write(ParseResult result, List<ClaimResult> results)
    {
        if (result.GetResult(AsJson) is null)
        {
            return;
        }

        var json = JsonSerializer.Serialize(results, ClaimsJson.Readable.ListClaimResult);
        if (result.GetValue(AsJson) is { } path)
        {
            await File.WriteAllTextAsync(path, json + Environment.NewLine).ConfigureAwait(false);
        }
        else
        {
            await Console.Out.WriteLineAsync(json).ConfigureAwait(false);
        }
    }
}
