using System.Text.RegularExpressions;

namespace Plumbline.Tests.Laws;

/// <summary>The page on search shows what there is.</summary>
public sealed class TheSearchPageIsTrue
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "search.md"));

    [Fact]
    public void The_search_is_built_as_it_stands_there() =>
        Assert.EndsWith(Regex.Match(Page, "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value, File.ReadAllText(Path.Combine(Repository.Root, "tests", "Training.Tests", "Search", "GreedySteps.cs")), StringComparison.Ordinal);

    [Fact]
    public void What_is_shown_can_stand_in_a_manifest()
    {
        using var folder = new TemporaryFolder();
        string[] shown = [.. Regex.Matches(Page, "```jsonc\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value)];
        Assert.Equal(3, shown.Length);
        var manifest = folder.Write("search.jsonc", $$"""{ "name": "search", "model": { "use": "transformer", "tokenizer": "bytes" }, "evaluate": [ {{shown[0]}}, {{shown[1]}} ], "stages": [ {{shown[2]}} ] }""");
        Plumb.Run("run", manifest, "--dry-run").With(0);
    }
}
