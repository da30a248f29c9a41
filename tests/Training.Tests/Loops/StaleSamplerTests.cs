using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Tests;

/// <summary>A sampler that is refreshed every few steps, and the advantages an objective brings along.</summary>
public sealed class StaleSamplerTests
{
    private readonly PolicyGradient _objective = new();

    [Fact]
    public void A_snapshot_samples_until_it_is_refreshed_and_old_logps_are_its_own()
    {
        using var tiny = new Tiny();
        var sampler = new Comparing(Tiny.Sampler().Create(new Tiny.NoServices()), tiny);
        Run(tiny, sampler, steps: 7, interval: 3);

        // Steps 0 to 2 share a snapshot, 3 to 5 the next one; each is the policy at its first step.
        Assert.Equal([0, 0, 0, 1, 1, 1, 2], sampler.Weights.Select(weights => sampler.Weights.DistinctBy(each => each[0]).ToList().FindIndex(each => each[0] == weights[0])));
        Assert.Equal([true, false, false, true, false, false, true], sampler.Gaps.Select(gap => gap == 0));
        Assert.Equal([false, true, true, false, true, true, false], _objective.Batches.Select(batch => batch.Names.Contains("old_logps")));
        Assert.Equal([true, false, false, true, false, false, true], tiny.Recorder.Metrics.Select(metrics => metrics.ContainsKey("sampler_gap")));
        for (var step = 0; step < 7; step++)
        {
            Assert.Equal(sampler.Gaps[step], _objective.Batches[step].LargestLogRatio, 1e-5);
        }

        Assert.True(sampler.Gaps[2] > sampler.Gaps[1] && sampler.Gaps[1] > 1e-3);
    }

    [Fact]
    public void Further_passes_after_a_refresh_are_off_policy_too()
    {
        using var tiny = new Tiny();
        Run(tiny, Tiny.Sampler().Create(new Tiny.NoServices()), steps: 2, interval: 2, epochs: 2);
        Assert.Equal([false, true, true, true], _objective.Batches.Select(batch => batch.Names.Contains("old_logps")));
    }

    [Fact]
    public void Snapshots_leave_no_tensors_behind()
    {
        using var tiny = new Tiny();
        Run(tiny, Tiny.Sampler().Create(new Tiny.NoServices()), steps: 12, interval: 2);
        Assert.InRange(tiny.Recorder.LiveTensors[^1], 0, tiny.Recorder.LiveTensors[3]);
    }

    [Fact]
    public void An_objective_may_bring_its_advantages_and_a_stage_may_name_others()
    {
        var brought = new LessGroupMean();
        var objective = Part<GroupObjective>.Of("bringing", new Bringing(brought, _objective));
        using var tiny = new Tiny();
        Run(tiny, Tiny.Sampler().Create(new Tiny.NoServices()), steps: 1, interval: 1, objective: objective);
        Assert.Single(brought.RewardShapes);
        var named = new LessGroupMean();
        Run(new Tiny(), Tiny.Sampler().Create(new Tiny.NoServices()), steps: 1, interval: 1, objective: objective, advantage: Part<IGroupAdvantage>.Of("named", named));
        Assert.Single(brought.RewardShapes);
        Assert.Single(named.RewardShapes);
    }

    private void Run(Tiny tiny, ISampler sampler, int steps, int interval, int epochs = 1, Part<GroupObjective>? objective = null, Part<IGroupAdvantage>? advantage = null) => new OnlineGroups(
        new OnlineGroupsOptions
        {
            Objective = objective ?? Part<GroupObjective>.Of("policy-gradient", _objective),
            Advantage = advantage,
            Rewards = [Scoring.LikesA],
            Sampler = Part<ISampler>.Of("sampler", sampler),
            Data = Tiny.Words(),
            Steps = steps,
            PromptsPerStep = 4,
            SyncInterval = interval,
            EpochsPerBatch = epochs,
            LearningRate = 0.01,
        },
        tiny.Stage).Run(CancellationToken.None);

    private sealed class Bringing(IGroupAdvantage advantage, PolicyGradient objective) : GroupObjective
    {
        public override IGroupAdvantage Advantage => advantage;

        public override Loss Compute(GroupBatch batch) => objective.Compute(batch);
    }

    /// <summary>Keeps the weights that sampled, and the largest difference of a token's log-probability between them and the policy's.</summary>
    private sealed class Comparing(ISampler sampler, Tiny tiny) : ISampler
    {
        internal List<double[]> Weights { get; } = [];

        internal List<double> Gaps { get; } = [];

        public int GroupSize => sampler.GroupSize;

        public double Temperature => sampler.Temperature;

        public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default)
        {
            var rollouts = sampler.Sample(model, requests, cancel);
            using var still = torch.no_grad();
            using var scope = torch.NewDisposeScope();
            PromptedSequence[] sequences = [.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))];
            Weights.Add(Tiny.WeightsOf(model));
            Gaps.Add((new SequenceScorer(model).Score(sequences).Logps - new SequenceScorer(tiny.Policy).Score(sequences).Logps).abs().max().ToDouble());
            return rollouts;
        }
    }
}
