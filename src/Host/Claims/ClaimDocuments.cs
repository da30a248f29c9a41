using System.Text;
using System.Text.Json;

namespace Plumbline.Host.Claims;

/// <summary>What came of the claims, as pages of the documentation: <c>claims.json</c> for programs, <c>claims.md</c> made from it for people.</summary>
internal sealed class ClaimDocuments
{
    private readonly string _folder;
    private readonly List<ClaimResult> _results;

    private ClaimDocuments(string folder)
    {
        _folder = folder;
        _results = Read(JsonPath);
    }

    /// <summary>The file for programs.</summary>
    internal string JsonPath => Path.Combine(_folder, "claims.json");

    /// <summary>The file for people.</summary>
    internal string MarkdownPath => Path.Combine(_folder, "claims.md");

    /// <summary>The results, in order of the papers' ids.</summary>
    internal IReadOnlyList<ClaimResult> Results => _results;

    /// <summary>Those in the folder <c>docs</c> here, beside the program, or above either.</summary>
    /// <exception cref="PlumblineException">There is no such folder.</exception>
    internal static ClaimDocuments Find() => new(FindFolder() ?? throw new PlumblineException("found no folder 'docs' here or beside the program; run this from the repository"));

    /// <summary>Those in a folder.</summary>
    internal static ClaimDocuments In(string folder) => new(folder);

    /// <summary>The results that are known where there is such a folder; else none.</summary>
    internal static IReadOnlyList<ClaimResult> Known() => FindFolder() is { } folder ? new ClaimDocuments(folder).Results : [];

    /// <summary>Writes a result in the place of the paper's last one. One that was interrupted says nothing and changes nothing.</summary>
    internal void Merge(ClaimResult result)
    {
        if (result.Verdict == ClaimResult.Interrupted)
        {
            return;
        }

        _results.RemoveAll(known => known.Id == result.Id);
        _results.Add(result);
        Write();
    }

    /// <summary>Forgets papers that are not among these.</summary>
    internal void Keep(IReadOnlyCollection<string> ids)
    {
        _results.RemoveAll(known => !ids.Contains(known.Id));
        Write();
    }

    /// <summary>The page for people.</summary>
    internal static string Markdown(IReadOnlyList<ClaimResult> results)
    {
        var page = new StringBuilder();
        page.Append("# Claims\n\nWhat papers claim, measured in small here. Written by `plumb reproduce`, which runs the experiments of each plugin's `claim.json`: `./plumb reproduce ID --update` measures one paper anew, `./plumb reproduce --all` every installed one. Thresholds were set before anything was measured; what does not hold is listed as it came out, and the method's README says more.\n\n");
        page.Append($"{string.Join(", ", results.GroupBy(result => result.Verdict).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Count()} {group.Key}"))}, of {results.Count} papers.\n\n");
        page.Append("| paper | verdict | checks | claim |\n| --- | --- | --- | --- |\n");
        foreach (var result in results)
        {
            page.Append($"| [{result.Id}](#{result.Id}) | {result.Verdict} | {ClaimReport.Count(result)} | {Cell(result.Claim)} |\n");
        }

        foreach (var result in results)
        {
            Section(page, result);
        }

        return page.ToString();
    }

    private static void Section(StringBuilder page, ClaimResult result)
    {
        page.Append($"\n## {result.Id}\n\n{result.Title ?? result.Id} ([arXiv {result.Arxiv}](https://arxiv.org/abs/{result.Arxiv})). **{result.Verdict}**, {ClaimReport.Count(result)}.\n\n");
        page.Append($"- Claim: {result.Claim}\n- The paper's figure: {result.Figure}\n- Computed by {result.Engine}\n");
        foreach (var failure in result.Failures)
        {
            page.Append($"- Failed: {failure.ReplaceLineEndings(" ")}\n");
        }

        foreach (var experiment in result.Experiments)
        {
            page.Append($"\n**{experiment.Name}**, {experiment.Seeds} seed{(experiment.Seeds == 1 ? string.Empty : "s")}: {experiment.Task}\n\n| check | measured: mean (seeds) | claimed | verdict |\n| --- | --- | --- | --- |\n");
            foreach (var check in experiment.Checks)
            {
                page.Append($"| {Cell(check.That)} | {ClaimReport.Numbers(check)} | {ClaimReport.Threshold(check)} | {ClaimReport.Verdict(check.Held).Word} |\n");
            }

            foreach (var number in experiment.Report)
            {
                page.Append($"| {Cell(number.That)} | {ClaimReport.Numbers(number)} | | |\n");
            }
        }
    }

    private void Write()
    {
        _results.Sort((a, b) => string.CompareOrdinal(a.Id, b.Id));
        File.WriteAllText(JsonPath, JsonSerializer.Serialize(_results, ClaimsJson.Readable.ListClaimResult) + "\n");
        File.WriteAllText(MarkdownPath, Markdown(_results));
    }

    private static List<ClaimResult> Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), ClaimsJson.Readable.ListClaimResult) ?? [] : [];
        }
        catch (JsonException error)
        {
            throw new PlumblineException($"{path} can't be read ({error.Message}); remove it, and reproduce --all writes it anew", error);
        }
    }

    private static string? FindFolder()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (Directory.Exists(Path.Combine(folder.FullName, "docs")))
                {
                    return Path.Combine(folder.FullName, "docs");
                }
            }
        }

        return null;
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
