namespace Plumbline.Tests.Host.Runs;

public sealed class CompletedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_run_leaves_its_files_and_ends_with_its_result()
    {
        var manifest = _folder.Write("m.jsonc", Tiny.Measured(Tiny.Sft(), Tiny.Grpo(Tiny.Trouble("none"))));
        var run = Plumb.Run("run", manifest, "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble")).With(0);
        Assert.Equal(
            ["evaluations.jsonl", "manifest.json", "metrics.jsonl", "model.safetensors", "result.json", "samples.jsonl", "timings.jsonl"],
            Directory.GetFiles(_folder.At("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var result = run.Result;
        Assert.Equal(("completed", 0, 5, "cpu"), ((string)result["verdict"]!, (int)result["exit_code"]!, (int)result["seed"]!, (string)result["device"]!));
        Assert.Equal(_folder.At("out"), (string)result["folder"]!);
        Assert.Equal(["sft 3/3", "grpo 3/3"], result["stages"]!.AsArray().Select(stage => $"{stage!["name"]} {stage["steps"]}/{stage["planned"]}"));
        Assert.Equal(["start", "sft", "grpo"], result["evaluations"]!.AsArray().Select(evaluation => (string)evaluation!["after"]!));
        Assert.True(JsonNode.DeepEquals(result, JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))));
        var metrics = Lines("metrics.jsonl");
        Assert.Equal(["sft 0", "sft 1", "sft 2", "grpo 0", "grpo 1", "grpo 2"], metrics.Select(line => $"{line["stage"]} {line["step"]}"));
        Assert.All(metrics, line => Assert.True(double.IsFinite((double)line["loss"]!)));
        Assert.Equal(6, Lines("timings.jsonl").Count);
        Assert.Equal(3, Lines("evaluations.jsonl").Count);
        Assert.NotEmpty(Lines("samples.jsonl"));
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.DoesNotContain("seconds", File.ReadAllText(_folder.At("out", "metrics.jsonl")), StringComparison.Ordinal);
    }

    [Fact]
    public void With_json_standard_output_is_one_line_and_the_words_go_to_standard_error()
    {
        var run = Plumb.Run("run", _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Sft())), "--out", _folder.At("out"), "--json").With(0);
        Assert.Equal(1, run.Output.Count(letter => letter == '\n'));
        Assert.Equal("completed", (string)run.Result["verdict"]!);
        Assert.Contains("[sft] step 3/3", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Error);
    }

    [Fact]
    public void Without_out_the_folder_is_named_after_run_and_time()
    {
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Sft(1)));
        var run = Plumb.RunIn(_folder.Path, null, "run", manifest, "--json").With(0);
        var made = Assert.Single(Directory.GetDirectories(_folder.At("runs")));
        Assert.Matches(@"^tiny-\d{8}-\d{6}$", Path.GetFileName(made));
        Assert.Equal(made, (string)run.Result["folder"]!);
    }

    [Fact]
    public void The_last_measurements_samples_are_shown_with_where_the_files_are()
    {
        var run = Plumb.Run("run", _folder.Write("m.jsonc", Tiny.Measured(Tiny.Sft())), "--out", _folder.At("out")).With(0);
        Assert.Contains($"files: {_folder.At("out")}\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("after sft", run.Output, StringComparison.Ordinal);
        Assert.Contains("completion", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_plugin_prints_is_shown_in_part_and_kept_whole()
    {
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("talks"))));
        var run = Plumb.Run("run", manifest, "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble")).With(0);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"line {i}"), File.ReadAllLines(_folder.At("out", "worker.log")));
        Assert.Contains("line 0\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("(more in worker.log)", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("line 99", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("leaves_thread")]
    [InlineData("leaves_child")]
    public void What_a_plugin_leaves_behind_does_not_keep_the_run_from_ending(string way)
    {
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble(way))));
        using var live = Plumb.Start(_folder.Path, null, "run", manifest, "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble"));
        Assert.True(live.WaitForExit(TimeSpan.FromSeconds(45)), "the run did not end");
        Assert.Equal(0, live.ExitCode);
        Assert.Equal("completed", (string)JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))!["verdict"]!);
    }

    public void Dispose() => _folder.Dispose();

    private List<JsonObject> Lines(string file) => [.. File.ReadLines(_folder.At("out", file)).Select(line => JsonNode.Parse(line)!.AsObject())];
}
