using System.Text;
using System.Text.Json.Nodes;
using Plumbline.Host.Commands;
using Plumbline.Host.Plugins;
using Plumbline.Options;

namespace Plumbline.Host.Claims;

/// <summary>A part that a paper's plugin brings, with its own options.</summary>
/// <param name="Part">Kind and id.</param>
/// <param name="Options">Its options; an algorithm's own, without its loop's.</param>
internal sealed record PaperPart(PartHeader Part, IReadOnlyList<OptionDescription> Options);

/// <summary>A paper as the catalogue lists it.</summary>
/// <param name="Paper">The paper.</param>
/// <param name="Parts">Its parts, those of its claim's experiments left out.</param>
/// <param name="Claim">What came of its claim; null: none is known.</param>
internal sealed record PaperEntry(Paper Paper, IReadOnlyList<PaperPart> Parts, ClaimResult? Claim)
{
    /// <summary>The claim's verdict, or why there is none.</summary>
    internal string Verdict => Claim is { } claim ? claim.Verdict : Paper.ClaimPath is null ? "no claim" : "not run";

    /// <summary>The kinds of its parts.</summary>
    internal IEnumerable<string> Kinds => Parts.Select(part => part.Part.Kind).Distinct();

    internal JsonObject ToJson() => new()
    {
        ["id"] = Paper.Id,
        ["title"] = Paper.Title,
        ["paper"] = Paper.Arxiv,
        ["plugin"] = Paper.Plugin.Name,
        ["loop"] = Paper.Loop,
        ["kinds"] = new JsonArray([.. Kinds.Select(kind => (JsonNode)kind)]),
        ["parts"] = new JsonArray([.. Parts.Select(part => new JsonObject
        {
            ["kind"] = part.Part.Kind,
            ["id"] = part.Part.Id,
            ["options"] = new JsonArray([.. part.Options.Select(option => new JsonObject { ["name"] = option.Name, ["default"] = option.Default?.DeepClone(), ["required"] = option.Required })]),
        })]),
        ["claim"] = Verdict,
    };
}

/// <summary>The list of papers: from the plugins' metadata, options records and comments, and the verdicts on their claims.</summary>
internal static class PaperCatalogue
{
    /// <summary>Lists every paper that is installed. Loads its plugin: defaults are in its code.</summary>
    internal static IReadOnlyList<PaperEntry> Of(PartRegistry registry, IReadOnlyList<ClaimResult> claims) =>
        [.. Paper.Of(registry.Catalog).Select(paper => new PaperEntry(paper, [.. Parts(registry, paper)], claims.FirstOrDefault(claim => claim.Id == paper.Id)))];

    /// <summary>The page <c>docs/papers.md</c>.</summary>
    internal static string Markdown(IReadOnlyList<PaperEntry> papers)
    {
        var page = new StringBuilder("# Papers\n\nWhat is installed, written by `./plumb plugins list --papers --out docs/papers.md` from the plugins themselves; the last column is from [claims.md](claims.md). An option's default follows its name; `./plumb plugins show ID` says what each is, with those of the loop.\n\n");
        page.Append($"{papers.Count} papers.\n\n| id | paper | loop | kinds | options | claim |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (var paper in papers)
        {
            page.Append($"| `{paper.Paper.Id}` | {Link(paper.Paper)} | {paper.Paper.Loop} | {string.Join(", ", paper.Kinds)} | {Options(paper)} | {paper.Verdict} |\n");
        }

        return page.ToString();
    }

    /// <summary>The page without the verdicts, which change as claims are run.</summary>
    internal static string WithoutVerdicts(string page) => string.Join('\n', page.Split('\n').Select(line => line.StartsWith("| ", StringComparison.Ordinal) ? line[..line.LastIndexOf(" | ", StringComparison.Ordinal)] : line));

    private static IEnumerable<PaperPart> Parts(PartRegistry registry, Paper paper)
    {
        var summaries = XmlSummaries.Of(paper.Plugin.Header!.Path);
        foreach (var part in paper.Plugin.Parts)
        {
            // A method is also the part in its loop's slot: the same class, listed once.
            var again = part.Kind != Kinds.Algorithm && paper.Plugin.Parts.Any(other => other.SlotKind == part.Kind && other.Id == part.Id);
            if (!IsOfClaim(paper, part, summaries))
            {
                yield return new PaperPart(part, again ? [] : Options(registry, part));
            }
        }
    }

    /// <summary>Whether a part serves the experiments of the paper's claim alone; its summary says so.</summary>
    internal static bool IsOfClaim(Paper paper, PartHeader part, XmlSummaries summaries) => summaries.OfType(part.TypeName).Contains($"claim of {paper.Id}", StringComparison.Ordinal);

    private static IReadOnlyList<OptionDescription> Options(PartRegistry registry, PartHeader part)
    {
        try
        {
            return registry.Find(part.Kind, part.Id) is { OptionsType: { } type } found ? OptionDescription.Of(type, found.Defaults) : [];
        }
        catch (PlumblineException)
        {
            // A broken plugin is still a paper; plugins list has the reason.
            return [];
        }
    }

    private static string Link(Paper paper) => paper.Arxiv is { } arxiv ? $"[{Cell(paper.Title ?? paper.Id)}](https://arxiv.org/abs/{arxiv})" : Cell(paper.Title ?? paper.Id);

    /// <summary>The options of each part; named after the part where there are several with options.</summary>
    private static string Options(PaperEntry paper)
    {
        var parts = paper.Parts.Where(part => part.Options.Count > 0).ToList();
        return string.Join("; ", parts.Select(part => (parts.Count > 1 ? $"{part.Part.Kind} `{part.Part.Id}`: " : string.Empty) + string.Join(", ", part.Options.Select(Option))));
    }

    private static string Option(OptionDescription option) =>
        $"`{option.Name}`" + (option.Required ? " (required)" : $" {(option.Default is { } value ? Cell(Output.Line(value).Trim('"')) : "null")}");

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
