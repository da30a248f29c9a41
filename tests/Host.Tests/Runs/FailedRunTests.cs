namespace Plumbline.Tests.Host.Runs;

/// <summary>Runs that begin well and do not end well: errors, and diagnoses that are no errors.</summary>
public sealed class FailedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_data_file_that_is_not_there_fails_the_run_with_the_hint()
    {
        var run = Run("""{ "use": "sft", "data": { "use": "jsonl", "path": "none.jsonl", "missing_hint": "ask the librarian" } }""").With(1);
        Assert.Equal("failed", (string)run.Result["verdict"]!);
        var error = (string)run.Result["error"]!;
        Assert.Contains($"there is no data file {_folder.At("none.jsonl")}; ask the librarian", error, StringComparison.Ordinal);
        Assert.Contains("data jsonl (plugin Jsonl), loading", error, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.At("out", "error.txt")));
        Assert.True(File.Exists(_folder.At("out", "model.safetensors")));
        Assert.True(JsonNode.DeepEquals(run.Result, JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))));
    }

    [Fact]
    public void A_part_that_throws_fails_the_run_with_part_plugin_and_phase()
    {
        var run = Run(Tiny.Grpo(Tiny.Trouble("throws"))).With(1);
        var error = (string)run.Result["error"]!;
        Assert.Contains("InvalidOperationException: a plugin's own mistake", error, StringComparison.Ordinal);
        Assert.Contains("reward trouble (plugin Trouble), scoring", error, StringComparison.Ordinal);
        Assert.Contains("error.txt has the stack for its author, model.safetensors the weights so far", error, StringComparison.Ordinal);
        Assert.Equal(2, (int)run.Result["stages"]![0]!["steps"]!);
        Assert.Equal(2, File.ReadAllLines(_folder.At("out", "metrics.jsonl")).Length);
        // What was learned until then is kept.
        Assert.True(File.Exists(_folder.At("out", "model.safetensors")));
        Assert.Contains("Trouble.cs", File.ReadAllText(_folder.At("out", "error.txt")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_null_reference_in_a_part_is_an_error_and_no_death()
    {
        var run = Run(Tiny.Grpo(Tiny.Trouble("dereferences_null"))).With(1);
        Assert.Contains("NullReferenceException", (string)run.Result["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_that_can_not_be_made_fails_the_run_by_name()
    {
        var run = Run(Tiny.Grpo("\"born-broken\"")).With(1);
        Assert.Contains("reward 'born-broken' of plugin 'BornBroken' could not be created: the moon is in the wrong house; ask its author, or leave it out of the manifest", (string)run.Result["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_score_that_is_no_number_fails_the_run_with_the_reward_named()
    {
        var run = Run(Tiny.Grpo(Tiny.Trouble("not_finite"))).With(1);
        Assert.Contains("reward 'trouble' gave NaN", (string)run.Result["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_of_no_steps_is_diagnosed()
    {
        var run = Run(Tiny.Sft(0)).With(3);
        Assert.Equal("diagnosed", (string)run.Result["verdict"]!);
        Assert.Equal("no-steps", (string)Assert.Single(run.Result["diagnoses"]!.AsArray())!["name"]!);
        Assert.Contains("diagnosis no-steps: stage 'sft' did no step", run.Output, StringComparison.Ordinal);
        Assert.Contains("no-steps", File.ReadAllText(_folder.At("out", "diagnoses.jsonl")), StringComparison.Ordinal);
    }

    [Fact]
    public void An_epoch_of_equal_rewards_is_diagnosed()
    {
        // Right or wrong, the score is the same.
        var run = Run(Tiny.Grpo("""{ "use": "exact-answer", "correct": 0 }""")).With(3);
        Assert.Equal("equal-rewards", (string)Assert.Single(run.Result["diagnoses"]!.AsArray())!["name"]!);
        Assert.Equal("grpo 3/3", $"{run.Result["stages"]![0]!["name"]} {run.Result["stages"]![0]!["steps"]}/{run.Result["stages"]![0]!["planned"]}");
    }

    public void Dispose() => _folder.Dispose();

    private Plumb.Ended Run(string stage) =>
        Plumb.Run("run", _folder.Write("m.jsonc", Tiny.Manifest(stage)), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble", "BornBroken"));
}
