using Plumbline.Training;
using Plumbline.Training.Weights;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class ObserversTests
{
    [Fact]
    public void An_observer_sees_the_beginning_adds_its_metrics_to_the_step_and_may_end_the_stage()
    {
        using var tiny = new Tiny();
        var observer = new Stopper(after: 2);
        new SftLoop(
            new SftLoopOptions { Objective = Likelihood.Part, Data = Tiny.Words(), Steps = 5, BatchSize = 3, Observers = [Part<IObserver>.Of("stopper", observer)] },
            tiny.Stage).Run(CancellationToken.None);
        Assert.Equal(["begin 5", "step 0", "step 1", "step 2", "end 3"], observer.Seen);
        Assert.Equal([0.0, 1.0, 2.0], tiny.Recorder.Metrics.Select(metrics => metrics["stopper/seen"]));
    }

    [Fact]
    public void A_snapshot_gives_back_the_weights_of_its_number()
    {
        using var tiny = new Tiny();
        using var snapshots = new Snapshots(tiny.Policy.Network);
        var first = tiny.Weights;
        snapshots.Take(0);
        Train(tiny);
        var second = tiny.Weights;
        snapshots.Take(1);
        Train(tiny);
        Assert.NotEqual(first, second);
        snapshots.Restore(0);
        Assert.Equal(first, tiny.Weights);
        snapshots.Restore(1);
        Assert.Equal(second, tiny.Weights);
        snapshots.ForgetBefore(1);
        Assert.Equal([1], snapshots.Numbers);
        Assert.Contains("there are 1", Assert.Throws<PlumblineException>(() => snapshots.Restore(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kept_policy_stays_as_it_was_before_the_stage()
    {
        using var tiny = new Tiny();
        var before = tiny.Weights;
        new SftLoop(
            new SftLoopOptions { Objective = Likelihood.Part, Data = Tiny.Words(), Steps = 2, BatchSize = 3, Observers = [Part<IObserver>.Of("keep-policy", new KeepPolicy(new KeepPolicyOptions { Role = "base" }, tiny.Stage))] },
            tiny.Stage).Run(CancellationToken.None);
        Assert.NotEqual(before, tiny.Weights);
        Assert.Equal(before, Tiny.WeightsOf(tiny.Run.Models.Get<IModel>("base")));
        Assert.NotEmpty(new KeepPolicyOptions { Role = "policy" }.Check());
    }

    private static void Train(Tiny tiny)
    {
        using var still = torch.no_grad();
        foreach (var parameter in tiny.Policy.Network.parameters())
        {
            parameter.add_(0.1);
        }
    }

    private sealed class Stopper(int after) : IObserver
    {
        internal List<string> Seen { get; } = [];

        public IReadOnlyDictionary<string, double> Measure(int step) => new Dictionary<string, double> { ["stopper/seen"] = step };

        public void OnBegin(int steps, IRecorder recorder) => Seen.Add($"begin {steps}");

        public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder)
        {
            Seen.Add($"step {step}");
            return step < after;
        }

        public void OnEnd(int steps, IRecorder recorder) => Seen.Add($"end {steps}");
    }
}
