using System.Text.RegularExpressions;

namespace Plumbline.Tests.Laws;

/// <summary>The page on environments shows what there is: its plugin is built as it stands there, and its manifest teaches a policy to play.</summary>
public sealed class TheEnvironmentsPageIsTrue
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "environments.md"));

    [Fact]
    public void The_environment_is_built_as_it_stands_there()
    {
        var folder = Path.Combine(Repository.Root, "tests", "Laws.Tests", "Plugins", "Guess");
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "Guess.csproj")), Block("xml"));
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "Guess.cs")), Block("csharp"));
        Assert.True(Block("csharp").Split('\n').Length < 80);
    }

    [Fact]
    public void The_manifest_teaches_a_policy_to_play()
    {
        using var folder = new TemporaryFolder();
        Plumb.Run("run", folder.Write("guess.jsonc", Block("jsonc")), "--plugins", folder.Plugins("Guess"), "--out", folder.At("out")).With(0);
        var measured = File.ReadAllLines(folder.At("out", "evaluations.jsonl")).Select(line => (double)JsonNode.Parse(line)!["success"]!).ToList();
        Assert.True(measured[^1] > measured[0] + 0.2, $"success went from {measured[0]} to {measured[^1]}");
        Assert.Contains("\"state_key\":", File.ReadLines(folder.At("out", "trajectories.jsonl")).First(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_stages_shown_are_stages()
    {
        using var folder = new TemporaryFolder();
        var plugins = folder.Plugins("Guess");
        foreach (var stage in Regex.Matches(Page, "```jsonc\n(\\{ \"use\".*?)```", RegexOptions.Singleline).Concat(Regex.Matches(Page, "`(\\{ \"use\": \"sft\".*?)`")))
        {
            var manifest = folder.Write("stage.jsonc", $$"""{ "name": "stage", "model": { "use": "transformer", "tokenizer": "bytes" }, "stages": [ {{stage.Groups[1].Value}} ] }""");
            Plumb.Run("run", manifest, "--dry-run", "--plugins", plugins).With(0);
        }
    }

    private static string Block(string language) => Regex.Match(Page, $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
}
