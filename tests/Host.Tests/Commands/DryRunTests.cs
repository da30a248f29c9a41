namespace Plumbline.Tests.Host.Commands;

public sealed class DryRunTests : IDisposable
{
    private static readonly Dictionary<string, string> NoEngine = new() { ["PLUMB_NATIVE"] = "/nonexistent" };
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void It_prints_manifest_parts_and_cost_and_makes_nothing()
    {
        var run = DryRun(Tiny.Measured(Tiny.Sft(), Tiny.Grpo("\"exact-answer\""))).With(0);
        var resolved = JsonNode.Parse(run.Output[..(run.Output.IndexOf("\n}\n", StringComparison.Ordinal) + 3)])!;
        Assert.Equal(0.9, (double)resolved["stages"]![0]!["beta1"]!);
        Assert.Contains("ExactAnswer 0.1.0", run.Output, StringComparison.Ordinal);
        Assert.Contains("model: 11,664 parameters", run.Output, StringComparison.Ordinal);
        Assert.Contains("stage grpo: 3 steps, 16 sequences trained and 16 sampled a step", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.Equal(["m.jsonc"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void As_json_it_is_one_line()
    {
        var run = DryRun(Tiny.Manifest(Tiny.Sft()), "--json").With(0);
        Assert.Equal(1, run.Output.Count(letter => letter == '\n'));
        Assert.Equal("sft", (string)run.Result["manifest"]!["stages"]![0]!["use"]!);
        Assert.Contains("Sft", run.Result["plugins"]!.AsArray().Select(plugin => (string)plugin!["name"]!));
        Assert.Equal(11664, (long)run.Result["estimate"]!["parameters"]!);
        Assert.Empty(run.Result["estimate"]!["unknown"]!.AsArray());
    }

    [Fact]
    public void The_resolved_manifest_resolves_to_itself()
    {
        var first = DryRun(Tiny.Measured(Tiny.Sft(), Tiny.Grpo("\"exact-answer\"")), "--json").With(0).Result["manifest"]!;
        var second = DryRun(first.ToJsonString(), "--json").With(0).Result["manifest"]!;
        Assert.Equal(first.ToJsonString(), second.ToJsonString());
    }

    [Fact]
    public void A_long_text_is_not_broken_over_lines()
    {
        var hint = new string('x', 500);
        var run = DryRun(Tiny.Manifest("""{ "use": "sft", "data": { "use": "jsonl", "path": "p" } }"""), "--set", $"stages[0].data.missing_hint={hint}").With(0);
        Assert.Contains(hint, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void It_shows_every_error()
    {
        var run = DryRun(Tiny.Manifest(Tiny.Sft()), "--set", "sede=1", "--set", "stages[0].step=1").With(2);
        Assert.Contains("plumb: $.sede: unknown option", run.Error, StringComparison.Ordinal);
        Assert.Contains("plumb: $.stages[0].step: unknown option", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
        Assert.Equal(2, DryRun(Tiny.Manifest(Tiny.Sft()), "--set", "sede=1", "--set", "stages[0].step=1", "--json").With(2).Result["errors"]!.AsArray().Count);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Always without the native library: a dry run makes no tensor.</summary>
    private Plumb.Ended DryRun(string manifest, params string[] more) =>
        Plumb.RunIn(_folder.Path, NoEngine, ["run", _folder.Write("m.jsonc", manifest), "--dry-run", .. more]);
}
