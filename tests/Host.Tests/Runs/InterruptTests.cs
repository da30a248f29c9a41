using System.Runtime.InteropServices;

namespace Plumbline.Tests.Host.Runs;

public sealed class InterruptTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(PosixSignal.SIGINT, false)]
    [InlineData(PosixSignal.SIGINT, true)]
    [InlineData(PosixSignal.SIGTERM, false)]
    [InlineData(PosixSignal.SIGTERM, true)]
    public void An_interrupt_ends_the_run_at_a_step_boundary_with_everything_written(PosixSignal signal, bool wholeGroup)
    {
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Sft(1_000_000)));
        live.AfterSteps(3);
        LiveRun.Send(wholeGroup ? -live.Supervisor : live.Supervisor, signal);
        var run = live.End().With(130);
        Assert.Equal("interrupted", (string)run.Result["verdict"]!);
        Assert.True(JsonNode.DeepEquals(run.Result, JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))));
        Assert.True(File.Exists(_folder.At("out", "model.safetensors")));
        var text = File.ReadAllText(_folder.At("out", "metrics.jsonl"));
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        var steps = text.TrimEnd('\n').Split('\n').Select(line => (int)JsonNode.Parse(line)!["step"]!).ToList();
        Assert.Equal(Enumerable.Range(0, steps.Count), steps);
        Assert.Equal(steps.Count, (int)run.Result["stages"]![0]!["steps"]!);
        Assert.Equal(steps.Count, File.ReadAllLines(_folder.At("out", "timings.jsonl")).Length);
    }

    [Fact]
    public void An_interrupt_while_the_worker_starts_is_an_interrupt()
    {
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Sft(1_000_000)));
        live.AtStart();
        LiveRun.Send(-live.Supervisor, PosixSignal.SIGINT);
        Assert.Equal("interrupted", (string)live.End().With(130).Result["verdict"]!);
        LiveRun.UntilGone(live.Worker);
    }

    [Fact]
    public void A_second_interrupt_ends_the_run_at_once()
    {
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("hangs"), 1000)), "--plugins", _folder.Plugins("Trouble"));
        live.AfterSteps(2);
        // The step in hand never ends: only a second interrupt helps.
        live.Insist(PosixSignal.SIGINT);
        var run = live.End().With(130);
        Assert.Equal(("interrupted", "reward trouble"), ((string)run.Result["verdict"]!, (string)run.Result["part"]!));
        Assert.Contains("ended by a second interrupt", (string)run.Result["error"]!, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.At("out", "result.json")));
    }

    [Fact]
    public void A_worker_whose_supervisor_is_killed_ends_by_itself_with_everything_written()
    {
        using var live = new LiveRun(_folder, Tiny.Manifest(Tiny.Sft(1_000_000)));
        live.AfterSteps(3);
        LiveRun.Send(live.Supervisor, (PosixSignal)9);
        LiveRun.UntilGone(live.Worker);
        Assert.True(File.Exists(_folder.At("out", "model.safetensors")));
        Assert.Equal("interrupted", (string)JsonNode.Parse(File.ReadAllText(_folder.At("out", "result.json")))!["verdict"]!);
    }

    public void Dispose() => _folder.Dispose();
}
