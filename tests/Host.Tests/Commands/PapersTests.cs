namespace Plumbline.Tests.Host.Commands;

public sealed class PapersTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Papers_are_listed_with_loop_kinds_and_own_options()
    {
        var run = Plumb.RunIn(_folder.Path, null, "plugins", "list", "--papers", "--json", "--plugins", _folder.Plugins("Claimed")).With(0);
        var papers = JsonNode.Parse(run.Output)!.AsArray().ToDictionary(paper => (string)paper!["id"]!, paper => paper!);
        var dpo = papers["dpo"];
        Assert.Equal(("2305.18290", "offline-pairs"), ((string)dpo["paper"]!, (string)dpo["loop"]!));
        // The toys of its claim are no parts of the paper.
        Assert.Equal(["algorithm", "objective"], dpo["kinds"]!.AsArray().Select(kind => (string)kind!));
        var options = dpo["parts"]![0]!["options"]!.AsArray().ToDictionary(option => (string)option!["name"]!, option => option!["default"]);
        Assert.Equal(0.1, (double)options["beta"]!);
        Assert.DoesNotContain("learning_rate", options.Keys);
        Assert.Equal(("On Counting", "claimed-loop"), ((string)papers["claimed-loop"]["title"]!, (string)papers["claimed-loop"]["id"]!));
        Assert.DoesNotContain("sft", papers.Keys);
    }

    [Fact]
    public void The_page_has_a_row_a_paper_with_the_verdict_that_is_known()
    {
        _folder.Write(Path.Combine("docs", "claims.json"), """
            [{ "id": "dpo", "claim": "c", "arxiv": "1", "figure": "f", "verdict": "not held", "engine": "e", "experiments": [], "failures": [] }]
            """);
        Plumb.RunIn(_folder.Path, null, "plugins", "list", "--papers", "--out", _folder.At("docs", "papers.md"), "--plugins", _folder.Plugins()).With(0);
        var rows = File.ReadAllLines(_folder.At("docs", "papers.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal)).ToList();
        var dpo = Assert.Single(rows, row => row.StartsWith("| `dpo` | [Direct Preference Optimization: Your Language Model is Secretly a Reward Model](https://arxiv.org/abs/2305.18290) | offline-pairs | algorithm, objective | `beta` 0.1, ", StringComparison.Ordinal));
        Assert.EndsWith(" | not held |", dpo, StringComparison.Ordinal);
        Assert.EndsWith(" | not run |", Assert.Single(rows, row => row.StartsWith("| `grpo` |", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Out_without_papers_is_refused() =>
        Assert.Contains("give --papers too", Plumb.Run("plugins", "list", "--out", _folder.At("x.md")).With(2).Error, StringComparison.Ordinal);

    public void Dispose() => _folder.Dispose();
}
