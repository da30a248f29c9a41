using System.Runtime.InteropServices;

namespace Plumbline.Tests.Host.Runs;

/// <summary>Ways for a worker to die; the supervisor tells what was in hand.</summary>
public sealed class WorkerDeathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(9, "signal 9, killed: by a user, or for want of memory")]
    [InlineData(11, "signal 11, segmentation fault")]
    [InlineData(6, "signal 6, abort")]
    public void A_worker_killed_from_outside_is_told_with_what_was_in_hand(int signal, string cause)
    {
        // A plugins folder of its own: what ends a worker is quarantined there.
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Sft(1_000_000)), "--plugins", _folder.Plugins());
        live.AfterSteps(3);
        LiveRun.Send(live.Worker, (PosixSignal)signal);
        var run = live.End().With(4);
        Assert.Equal("died", (string)run.Result["verdict"]!);
        var error = (string)run.Result["error"]!;
        Assert.Contains(cause, error, StringComparison.Ordinal);
        Assert.Contains("In hand: objective sft of plugin 'Sft', phase 'training', stage 'sft', step ", error, StringComparison.Ordinal);
        Assert.Equal(("objective sft", "Sft", "training", "sft"), ((string)run.Result["part"]!, (string)run.Result["plugin"]!, (string)run.Result["phase"]!, (string)run.Result["stage"]!));
        Assert.True(JsonNode.DeepEquals(run.Result, JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))));
        var lines = File.ReadAllLines(_folder.At("out", "metrics.jsonl"));
        Assert.InRange((int)run.Result["step"]!, 3, lines.Length);
        Assert.All(lines, line => Assert.NotNull(JsonNode.Parse(line)));
    }

    [Theory]
    [InlineData("exits", "exit code 0 without a result")]
    [InlineData("fails_fast", "signal 6, abort")]
    [InlineData("segfaults", "signal 11, segmentation fault in native code")]
    [InlineData("overflows_stack", "signal 6, abort: a native library gave up, or the stack overflowed")]
    public void A_plugin_that_ends_the_process_is_named(string way, string cause)
    {
        var run = Run(way, 2).With(4);
        Assert.Equal(
            ("died", "reward trouble", "Trouble", "scoring", "grpo", 2),
            ((string)run.Result["verdict"]!, (string)run.Result["part"]!, (string)run.Result["plugin"]!, (string)run.Result["phase"]!, (string)run.Result["stage"]!, (int)run.Result["step"]!));
        Assert.Contains(cause, (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.Contains("In hand: reward trouble of plugin 'Trouble', phase 'scoring', stage 'grpo', step 2 of 10", run.Output, StringComparison.Ordinal);
        Assert.Equal("Trouble", (string)run.Result["quarantined"]!);
        Assert.Contains("model.safetensors the weights after step 1 of stage 'grpo'", (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.Equal(2, File.ReadAllLines(_folder.At("out", "metrics.jsonl")).Length);
    }

    [Fact]
    public void What_was_learned_before_a_death_is_where_the_next_run_begins()
    {
        var often = Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("segfaults", 6), 10))[..^1] + ", \"save_every\": 1e-6 }";
        var run = Plumb.Run("run", _folder.Write("m.jsonc", often), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble")).With(4);
        Assert.Contains("model.safetensors the weights after step 6 of stage 'grpo'", (string)run.Result["error"]!, StringComparison.Ordinal);
        var model = Tiny.Model[..^1] + $", \"weights\": \"{_folder.At("out", "model.safetensors")}\" }}";
        Plumb.Run("run", _folder.Write("next.jsonc", Tiny.Manifest(Tiny.Sft()).Replace(Tiny.Model, model, StringComparison.Ordinal)), "--out", _folder.At("next")).With(0);
        // How often they are saved changes no number.
        _folder.Write("seldom.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("segfaults", 9), 6))[..^1] + ", \"save_every\": null }");
        Plumb.Run("plugins", "release", "Trouble", "--plugins", _folder.At("plugins")).With(0);
        Plumb.Run("run", _folder.At("seldom.jsonc"), "--out", _folder.At("seldom"), "--plugins", _folder.At("plugins")).With(0);
        Assert.Equal(File.ReadAllLines(_folder.At("out", "metrics.jsonl")), File.ReadAllLines(_folder.At("seldom", "metrics.jsonl")));
    }

    [Fact]
    public void A_hanging_plugin_is_ended_and_named()
    {
        var run = Run("hangs", 6, "--hang-after", "2").With(4);
        Assert.Equal(("reward trouble", "Trouble", 6), ((string)run.Result["part"]!, (string)run.Result["plugin"]!, (int)run.Result["step"]!));
        Assert.Contains("it gave no sign of life for ", (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.Contains("--hang-after", (string)run.Result["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_that_ended_a_worker_is_refused_until_it_is_released_or_its_files_change()
    {
        var run = Run("exits", 0).With(4);
        Assert.Contains("Plugin 'Trouble' is quarantined until its files change; plumb plugins release Trouble", (string)run.Result["error"]!, StringComparison.Ordinal);
        var plugins = _folder.At("plugins");
        var refused = Again("none").With(2);
        Assert.Contains("reward 'trouble' is in plugin 'Trouble', which can't be used: it is quarantined: it ended a worker in reward trouble of plugin 'Trouble', phase 'scoring'", refused.Output, StringComparison.Ordinal);
        // Every other plugin goes on working.
        Plumb.Run("run", _folder.Write("sft.jsonc", Tiny.Manifest(Tiny.Sft())), "--out", _folder.At("sft"), "--plugins", plugins).With(0);
        Plumb.Run("plugins", "release", "Trouble", "--plugins", plugins).With(0);
        Again("none").With(0);
        Plumb.Run("plugins", "release", "Trouble", "--plugins", plugins).With(1);

        // Quarantined once more, then replaced.
        Again("exits").With(4);
        Again("none").With(2);
        var link = Path.Combine(plugins, "Trouble");
        var real = new DirectoryInfo(link).ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        Directory.Delete(link);
        Directory.CreateDirectory(link);
        foreach (var file in Directory.EnumerateFiles(real))
        {
            File.Copy(file, Path.Combine(link, Path.GetFileName(file)));
        }

        File.WriteAllText(Path.Combine(link, "mended.txt"), "another build");
        Again("none").With(0);

        Plumb.Ended Again(string way) => Plumb.Run("run", _folder.Write("again.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble(way, 0)))), "--out", _folder.At(Guid.NewGuid().ToString("N")), "--plugins", plugins);
    }

    [Fact]
    public void A_reward_that_takes_longer_than_a_call_may_ends_the_run_and_is_named()
    {
        var manifest = Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("hangs", 1), 10))[..^1] + ", \"call_timeout\": 1.5 }";
        var run = Plumb.Run("run", _folder.Write("m.jsonc", manifest), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble")).With(4);
        Assert.Contains("one call took longer than call_timeout allows, 1.5 s", (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.Equal(("reward trouble", "Trouble", "Trouble", 1), ((string)run.Result["part"]!, (string)run.Result["plugin"]!, (string)run.Result["quarantined"]!, (int)run.Result["step"]!));
    }

    public void Dispose() => _folder.Dispose();

    private Plumb.Ended Run(string way, int at, params string[] more) =>
        Plumb.Run(["run", _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble(way, at), 10))), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble"), .. more]);
}
