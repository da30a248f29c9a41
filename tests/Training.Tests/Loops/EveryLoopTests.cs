using Plumbline.Plugins.DecisionMlp;
using Plumbline.Plugins.PointMass;
using Plumbline.Training;
using Plumbline.Training.Agents;

namespace Plumbline.Tests;

/// <summary>What every loop promises, whatever it learns from.</summary>
public sealed class EveryLoopTests
{
    public static TheoryData<string> Loops => [.. OnData, "environment", "environment with a critic by itself", "agent-rollouts"];

    /// <summary>Those that learn from rows of data.</summary>
    public static TheoryData<string> LoopsOnData => [.. OnData];

    private static string[] OnData => ["sft", "offline-pairs", "offline-lists in context", "offline-lists separate", "online-groups", "actor-critic with a head", "actor-critic with a network", "online-pairs", "self-play in iterations", "self-play with a look ahead", "reward-training", "offline-steps", "offline-steps with values", "search-pairs"];

    [Theory]
    [MemberData(nameof(Loops))]
    public void The_same_seed_gives_the_same_metrics_byte_for_byte(string loop)
    {
        var (first, second) = (Run(loop, 4, seed: 3), Run(loop, 4, seed: 3));
        Assert.Equal(4, first.Lines.Count);
        Assert.Equal(first.Lines, second.Lines);
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public void Another_seed_gives_other_metrics(string loop) =>
        Assert.NotEqual(Run(loop, 2, seed: 3).Lines, Run(loop, 2, seed: 4).Lines);

    [Theory]
    [MemberData(nameof(Loops))]
    public void The_number_of_live_tensors_does_not_grow_with_the_steps(string loop)
    {
        var live = Run(loop, 8, seed: 3).LiveTensors;
        // The count falls where the collector meets a stray handle, so only growth counts.
        Assert.InRange(live[^1], 0, live[2]);
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public void A_cancelled_stage_ends_at_the_step_boundary(string loop)
    {
        using var source = new CancellationTokenSource();
        var recorder = new MemoryRecorder { OnStep = step => { if (step == 1) { source.Cancel(); } } };
        Run(loop, 5, seed: 3, recorder: recorder, cancel: source);
        Assert.Equal(Run(loop, 5, seed: 3).Lines.Take(2), recorder.Lines);
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public void A_stage_cancelled_before_it_begins_does_no_step(string loop)
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var recorder = Run(loop, 5, seed: 3, cancel: source);
        Assert.Empty(recorder.Lines);
        Assert.Empty(recorder.Diagnoses);
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public void Metrics_hold_loss_gradient_norm_and_learning_rate(string loop)
    {
        var metrics = Run(loop, 1, seed: 3).Metrics[0];
        Assert.All(["loss", "grad_norm", "learning_rate"], name => Assert.True(double.IsFinite(metrics[name])));
        Assert.True(metrics["grad_norm"] > 0);
        Assert.Equal(0.01, metrics["learning_rate"]);
    }

    [Theory]
    [MemberData(nameof(Loops))]
    public void A_loop_runs_in_bfloat16_too(string loop)
    {
        var recorder = Run(loop, 2, seed: 3, dtype: ScalarType.BFloat16);
        Assert.Equal(2, recorder.Lines.Count);
    }

    [Theory]
    [MemberData(nameof(LoopsOnData))]
    public void Data_without_rows_is_refused(string loop)
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => Make(loop, tiny, 1, Tiny.Data()).Run(CancellationToken.None));
        Assert.Contains("has no", error.Message, StringComparison.Ordinal);
    }

    private static MemoryRecorder Run(
        string loop, int steps, long seed, MemoryRecorder? recorder = null, ScalarType dtype = ScalarType.Float32, CancellationTokenSource? cancel = null)
    {
        using var tiny = new Tiny(seed, dtype, recorder);
        Make(loop, tiny, steps, Tiny.Words()).Run(cancel?.Token ?? CancellationToken.None);
        return tiny.Recorder;
    }

    private static ILoop Make(string loop, Tiny tiny, int steps, Part<IData> data) => loop switch
    {
        "sft" => new SftLoop(new SftLoopOptions { Objective = Likelihood.Part, Data = data, Steps = steps, BatchSize = 3, LearningRate = 0.01 }, tiny.Stage),
        "offline-pairs" => new OfflinePairs(
            new OfflinePairsOptions { Objective = Preference.Part(reference: true), Data = data, Steps = steps, BatchSize = 3, LearningRate = 0.01 }, tiny.Stage),
        "offline-lists in context" or "offline-lists separate" => new OfflineLists(
            new OfflineListsOptions
            {
                Objective = new ListPreference().Part,
                Data = data,
                Transforms = [Lists.FromPairs],
                Layout = loop.EndsWith("separate", StringComparison.Ordinal) ? ListLayout.Separate : ListLayout.InContext,
                Separator = "i",
                Steps = steps,
                BatchSize = 3,
                LearningRate = 0.01,
            },
            tiny.Stage),
        "online-groups" => new OnlineGroups(
            new OnlineGroupsOptions
            {
                Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient(Needs.Reference | Needs.Entropies)),
                Advantage = Part<IGroupAdvantage>.Of("less-group-mean", new LessGroupMean()),
                Rewards = [Scoring.Part("first", rollout => rollout.Completion[0])],
                Sampler = Tiny.Sampler(),
                Data = data,
                Steps = steps,
                PromptsPerStep = 3,
                Minibatches = 2,
                EpochsPerBatch = 2,
                LearningRate = 0.01,
            },
            tiny.Stage),
        "agent-rollouts" => new AgentRollouts(
            new AgentRolloutsOptions
            {
                Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient(Needs.Reference | Needs.Entropies)),
                Environment = Rooms.Part,
                Agent = new AgentOptions { ActionPrefix = "i", ObservationPrefix = "j" },
                Rewards = [Scoring.Part("first", rollout => rollout.Completion[0])],
                Steps = steps,
                TasksPerStep = 3,
                GroupSize = 4,
                Minibatches = 2,
                EpochsPerBatch = 2,
                LearningRate = 0.01,
                SaveEvery = 0,
            },
            tiny.Stage),
        "online-pairs" => new OnlinePairs(
            new OnlinePairsOptions
            {
                Objective = Preference.Part(reference: true),
                Judge = Judges.LikesA,
                Sampler = Tiny.Sampler(),
                Second = AnswersFrom.Mixture,
                Data = data,
                Steps = steps,
                PromptsPerStep = 3,
                PairsPerPrompt = 2,
                LearningRate = 0.01,
            },
            tiny.Stage),
        "self-play in iterations" => new SelfPlay(
            new SelfPlayOptions
            {
                Objective = Preference.Part(reference: true),
                Judge = Judges.LikesA,
                Sampler = Tiny.Sampler(),
                Data = data,
                Steps = steps,
                Iterations = Math.Min(steps, 2),
                BatchSize = 3,
                LearningRate = 0.01,
            },
            tiny.Stage),
        "self-play with a look ahead" => new SelfPlay(
            new SelfPlayOptions
            {
                Objective = Preference.Part(reference: true),
                Play = SelfPlayKind.LookAhead,
                Judge = Judges.LikesA,
                Sampler = Tiny.Sampler(),
                OpponentSampler = Tiny.Sampler(),
                Data = data,
                Steps = steps,
                PromptsPerStep = 3,
                LearningRate = 0.01,
            },
            tiny.Stage),
        "reward-training" => new RewardTraining(
            new RewardTrainingOptions { Objective = Ranking.Part, Data = data, Steps = steps, BatchSize = 3, LearningRate = 0.01, Members = 2 }, tiny.Stage),
        "environment" or "environment with a critic by itself" => Environment(tiny, steps, apart: loop.EndsWith("itself", StringComparison.Ordinal)),
        "offline-steps" or "offline-steps with values" => new OfflineSteps(
            new OfflineStepsOptions { Objective = loop == "offline-steps" ? StepRegression.Part() : ValuedRegression.Part(), Data = data, Steps = steps, BatchSize = 3, LearningRate = 0.01, Transforms = [InSteps.Part] }, tiny.Stage),
        "search-pairs" => SearchPairsTests.New(tiny, options => options with { Data = data, Steps = steps, LearningRate = 0.01, Filter = false }),
        _ => new ActorCritic(
            new ActorCriticOptions
            {
                Objective = Part<ActorCriticObjective>.Of("actor-critic-loss", new ActorCriticLoss()),
                TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
                Advantage = Part<ITokenAdvantage>.Of("rewards-to-come", new RewardsToCome()),
                Critic = loop.EndsWith("head", StringComparison.Ordinal) ? CriticKind.Head : CriticKind.Network,
                Rewards = [Scoring.Part("first", rollout => rollout.Completion[0])],
                Sampler = Tiny.Sampler(group: 1),
                Data = data,
                Steps = steps,
                PromptsPerStep = 6,
                Minibatches = 2,
                EpochsPerBatch = 2,
                LearningRate = 0.01,
            },
            tiny.Stage),
    };

    private static EnvironmentLoop Environment(Tiny tiny, int steps, bool apart)
    {
        var problem = Part<IVectorEnvironment>.Of("point-mass", new PointMass(new PointMassOptions { Horizon = 5 }));
        tiny.Run.Models.Set("policy", new DecisionMlp(new DecisionMlpOptions { Environment = problem, Hidden = [8] }, tiny.Run, new Tiny.NoServices()));
        return new EnvironmentLoop(
            new EnvironmentOptions
            {
                Objective = Part<ActorCriticObjective>.Of("actor-critic-loss", new ActorCriticLoss()),
                Advantage = Part<ITokenAdvantage>.Of("rewards-to-come", new RewardsToCome()),
                Environment = problem,
                Episodes = 4,
                Steps = steps,
                Minibatches = 2,
                EpochsPerBatch = 2,
                LearningRate = 0.01,
                CriticEpochs = apart ? 2 : 0,
                CriticBatchSize = apart ? 8 : null,
            },
            tiny.Stage);
    }
}
