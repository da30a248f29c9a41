using System.Text.RegularExpressions;
using Plumbline.Host.Commands;
using Plumbline.Host.Manifests;

namespace Plumbline.Tests.Laws;

/// <summary>What the documentation shows is what there is.</summary>
public sealed partial class TheReadmeIsTrue
{
    private static readonly string Readme = Read("README.md");

    public static TheoryData<string> Commands => [.. Documents.SelectMany(path => CommandLine().Matches(Read(path)).Select(match => match.Groups[1].Value)).Distinct()];

    private static IEnumerable<string> Documents => ["README.md", "CONTRIBUTING.md", .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Concat(Directory.GetFiles(Path.Combine(Repository.Root, "plugins"), "*.md", SearchOption.AllDirectories))
        .Select(path => Path.GetRelativePath(Repository.Root, path))];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_shown_is_one(string command)
    {
        var words = command.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Empty(CommandTree.Build().Parse(words).Errors);
        Assert.All(words.Where(word => word.StartsWith("examples/", StringComparison.Ordinal)), word => Assert.True(File.Exists(Path.Combine(Repository.Root, word)), $"there is no {word}"));
    }

    [Fact]
    public void The_readme_shows_commands() => Assert.True(Commands.Count >= 9);

    [Fact]
    public void The_first_manifest_runs()
    {
        using var folder = new TemporaryFolder();
        folder.Write("pairs.jsonl", string.Concat(Enumerable.Repeat("""{"prompt": "2+2=", "chosen": "4", "rejected": "5"}""" + "\n", 4)));
        Assert.Contains("""{"prompt": "2+2=", "chosen": "4", "rejected": "5"}""", Readme, StringComparison.Ordinal);
        var manifest = folder.Write("mine.jsonc", Block("jsonc"));
        var run = Plumb.Run("run", manifest, "--set", "stages[0].steps=2", "--set", "stages[1].steps=2", "--out", folder.At("dpo")).With(0);
        Assert.Equal(["sft", "dpo"], run.Result["stages"]!.AsArray().Select(stage => (string)stage!["name"]!));
        // "To compare methods, change dpo to simpo": dpo's beta is an option of simpo too.
        Plumb.Run("run", manifest, "--set", "stages[0].steps=2", "--set", "stages[1].steps=2", "--set", "stages[1].use=simpo", "--out", folder.At("simpo")).With(0);
    }

    [Fact]
    public void The_first_plugin_is_built_as_it_stands_there()
    {
        var folder = Path.Combine(Repository.Root, "tests", "Laws.Tests", "Plugins", "Brevity");
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "Brevity.csproj")), Block("xml"));
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "Brevity.cs")), Block("csharp"));
    }

    [Fact]
    public void The_first_plugin_is_found_and_can_be_used_as_it_says()
    {
        using var folder = new TemporaryFolder();
        var plugins = folder.Plugins("Brevity");
        var shown = Plumb.Run("plugins", "show", "brevity", "--plugins", plugins).With(0).Output;
        Assert.Contains("One minus the answer's length over the longest allowed; never below zero.", shown, StringComparison.Ordinal);
        Assert.Contains("Tokens at which the reward reaches zero.", shown, StringComparison.Ordinal);
        var use = Rewards().Match(Readme).Groups[1].Value;
        var manifest = ManifestReader.Parse(Tiny.Manifest(Tiny.Grpo("\"exact-answer\"")), "test");
        manifest["stages"]![0]!["rewards"] = JsonNode.Parse(use);
        var bound = ManifestReader.Bind(manifest, Installed.Registry(plugins));
        Assert.Equal(16, (int)OptionsWriter.ToJson(bound)!["stages"]![0]!["rewards"]![1]!["longest"]!);
    }

    [Fact]
    public void The_files_that_a_run_leaves_are_those_it_names()
    {
        using var folder = new TemporaryFolder();
        Plumb.Run("run", folder.Write("m.jsonc", Tiny.Measured(Tiny.Sft(1))), "--out", folder.At("out")).With(0);
        var section = Readme[Readme.IndexOf("## What a run leaves", StringComparison.Ordinal)..];
        Assert.All(Directory.GetFiles(folder.At("out")).Select(Path.GetFileName).Where(name => name != "manifest.json"), name => Assert.Contains($"`{name}`", section, StringComparison.Ordinal));
    }

    [Fact]
    public void The_architecture_page_has_every_kind_of_part()
    {
        var page = Read(Path.Combine("docs", "architecture.md"));
        Assert.All(Tree.Catalog.Kinds, kind => Assert.Contains($"| {kind} |", page, StringComparison.Ordinal));
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    private static string Block(string language) => Regex.Match(Readme, $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;

    [GeneratedRegex(@"(?:^|`)\./plumb ([^`\n]+)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex("""
        `"rewards": (\[.*?\])`
        """)]
    private static partial Regex Rewards();
}
