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
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Sft(1_000_000)));
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
        Assert.Equal(2, File.ReadAllLines(_folder.At("out", "metrics.jsonl")).Length);
    }

    [Fact]
    public void A_hanging_plugin_is_ended_and_named()
    {
        var run = Run("hangs", 6, "--hang-after", "2").With(4);
        Assert.Equal(("reward trouble", "Trouble", 6), ((string)run.Result["part"]!, (string)run.Result["plugin"]!, (int)run.Result["step"]!));
        Assert.Contains("it gave no sign of life for ", (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.Contains("--hang-after", (string)run.Result["error"]!, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private Plumb.Ended Run(string way, int at, params string[] more) =>
        Plumb.Run(["run", _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble(way, at), 10))), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble"), .. more]);
}
