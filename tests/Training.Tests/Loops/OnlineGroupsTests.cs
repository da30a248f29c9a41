using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class OnlineGroupsTests
{
    private readonly PolicyGradient _objective = new(Needs.Reference | Needs.Entropies);
    private readonly LessGroupMean _advantage = new();

    [Fact]
    public void Minibatches_hold_whole_groups_and_each_epoch_every_group_once()
    {
        Run(options => options with { PromptsPerStep = 5, Minibatches = 2, EpochsPerBatch = 3, Steps = 1 });
        Assert.Equal(6, _objective.Batches.Count);
        Assert.All(_objective.Batches, batch => Assert.All(batch.Groups.CountBy(group => group), group => Assert.Equal(4, group.Value)));
        Assert.All(_objective.Batches.Chunk(2), epoch => Assert.Equal(
            [0, 1, 2, 3, 4], epoch.SelectMany(batch => batch.Groups.Distinct()).Order()));
    }

    [Fact]
    public void More_minibatches_than_groups_make_one_a_group()
    {
        Run(options => options with { PromptsPerStep = 2, Minibatches = 9, Steps = 1 });
        Assert.Equal([4, 4], _objective.Batches.Select(batch => batch.Groups.Length));
    }

    [Fact]
    public void Groups_without_a_difference_are_left_out_where_asked_for()
    {
        // Four completions a group; in the groups 0 and 2 all score alike.
        var scores = new Scores([1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        using var tiny = Run(options => options with { PromptsPerStep = 3, Steps = 1, DropEqualGroups = true, Rewards = [Part<IReward>.Of("fixed", new Fixed(scores))] });
        Assert.Equal([1, 1, 1, 1], Assert.Single(_objective.Batches).Groups);
        Assert.Equal(2.0 / 3, tiny.Recorder.Metrics[0]["dropped_groups"], 12);
    }

    [Fact]
    public void A_step_whose_groups_are_all_left_out_updates_nothing()
    {
        using var tiny = Run(options => options with { PromptsPerStep = 3, Steps = 1, DropEqualGroups = true, Rewards = [Part<IReward>.Of("fixed", new Fixed(new Scores(new double[12])))] });
        Assert.Empty(_objective.Batches);
        Assert.Equal(1.0, tiny.Recorder.Metrics[0]["dropped_groups"]);
    }

    [Fact]
    public void The_first_update_of_each_step_has_no_old_logps_and_the_later_ones_have()
    {
        Run(options => options with { Minibatches = 2, EpochsPerBatch = 2, Steps = 2 });
        Assert.Equal(
            [false, true, true, true, false, true, true, true],
            _objective.Batches.Select(batch => batch.Names.Contains("old_logps")));
    }

    [Fact]
    public void Later_updates_see_the_distance_to_the_policy_that_sampled()
    {
        Run(options => options with { EpochsPerBatch = 3, Steps = 1, LearningRate = 0.01 });
        var gaps = _objective.Batches.Select(batch => batch.LargestLogRatio).ToArray();
        Assert.Equal(0, gaps[0]);
        Assert.True(gaps[1] > 1e-3);
        Assert.True(gaps[2] > gaps[1]);
    }

    [Fact]
    public void The_reference_is_the_policy_as_it_was_and_stays_so()
    {
        using var tiny = Run(options => options with { Steps = 3, LearningRate = 0.01 });
        Assert.InRange(_objective.Batches[0].ReferenceGap, 0, 1e-5);
        Assert.True(_objective.Batches[2].ReferenceGap > 1e-3);
        Assert.NotEqual(Tiny.WeightsOf(tiny.Run.Models.Get<ICausalModel>("reference")), tiny.Weights);
    }

    [Fact]
    public void Entropies_are_there_where_asked_for()
    {
        Run(options => options with { Steps = 1 });
        Assert.Contains("entropies", _objective.Batches[0].Names);
        Assert.True(_objective.Batches[0].LowestEntropy > 0);
        var plain = new PolicyGradient();
        Run(options => options with { Steps = 1, Objective = Part<GroupObjective>.Of("plain", plain) });
        Assert.DoesNotContain("entropies", plain.Batches[0].Names);
        Assert.DoesNotContain("reference_logps", plain.Batches[0].Names);
    }

    [Fact]
    public void Where_nothing_needs_a_reference_none_is_kept()
    {
        using var tiny = Run(options => options with { Steps = 1, Objective = Part<GroupObjective>.Of("plain", new PolicyGradient()) });
        Assert.Equal(["policy"], tiny.Run.Models.Roles);
    }

    [Fact]
    public void Several_rewards_reach_the_advantage_part_apart()
    {
        using var tiny = Run(options => options with { Steps = 1, PromptsPerStep = 3, Rewards = [Scoring.LikesA, Scoring.Part("length", rollout => rollout.Completion.Length)] });
        Assert.Equal([12, 2], Assert.Single(_advantage.RewardShapes));
        var metrics = tiny.Recorder.Metrics[0];
        Assert.Equal(metrics["reward/likes-a"] + metrics["reward/length"], metrics["reward_mean"], 9);
        Assert.Equal(metrics["completion_length"], metrics["reward/length"], 9);
    }

    [Fact]
    public void One_reward_reaches_the_advantage_part_as_one_number_a_row()
    {
        Run(options => options with { Steps = 1, PromptsPerStep = 3 });
        Assert.Equal([12], Assert.Single(_advantage.RewardShapes));
        Assert.Empty(_advantage.Scored);
    }

    [Fact]
    public void A_row_the_reward_has_no_opinion_of_counts_zero_and_is_told_to_the_advantage_part()
    {
        var values = new double[12];
        Array.Fill(values, 2);
        values[3] = double.NaN;
        var unscored = new Fixed(new Scores(values) { Scored = [.. Enumerable.Range(0, 12).Select(row => row != 3)] });
        using var tiny = Run(options => options with { Steps = 1, PromptsPerStep = 3, Rewards = [Part<IReward>.Of("fixed", unscored)] });
        Assert.Equal([3], Enumerable.Range(0, 12).Where(row => !_advantage.Scored[0][row]));
        Assert.Equal(22.0 / 12, tiny.Recorder.Metrics[0]["reward/fixed"], 9);
        // The array is the reward's own.
        Assert.True(double.IsNaN(values[3]));
    }

    [Fact]
    public void A_row_that_another_reward_scored_counts_as_scored()
    {
        var unscored = new Fixed(new Scores(new double[12]) { Scored = new bool[12] });
        Run(options => options with { Steps = 1, PromptsPerStep = 3, Rewards = [Part<IReward>.Of("fixed", unscored), Scoring.LikesA] });
        Assert.Empty(_advantage.Scored);
    }

    [Fact]
    public void Scores_that_are_wrong_in_number_or_not_finite_are_refused_by_the_rewards_id()
    {
        string Refused(IReward reward) => Assert.Throws<PlumblineException>(() =>
            Run(options => options with { Steps = 1, PromptsPerStep = 3, Rewards = [Part<IReward>.Of("odd", reward)] })).Message;
        Assert.Contains("reward 'odd' gave 3 scores for 12 completions", Refused(new Fixed(new Scores(new double[3]))), StringComparison.Ordinal);
        Assert.Contains("reward 'odd' gave NaN", Refused(new Scoring(_ => double.NaN)), StringComparison.Ordinal);
        Assert.Contains("reward 'odd' says of 2 completions", Refused(new Fixed(new Scores(new double[12]) { Scored = new bool[2] })), StringComparison.Ordinal);
    }

    [Fact]
    public void No_rewards_at_all_are_refused() =>
        Assert.Contains("'rewards' is empty", Assert.Throws<PlumblineException>(() => Run(options => options with { Rewards = [] })).Message, StringComparison.Ordinal);

    [Fact]
    public void Whole_numbers_of_an_advantage_part_are_logged() =>
        Assert.Equal(12, Run(options => options with { Steps = 1, PromptsPerStep = 3 }).Recorder.Metrics[0]["groups"]);

    [Fact]
    public void A_step_cancelled_between_its_updates_is_finished()
    {
        using var source = new CancellationTokenSource();
        _objective.OnCompute = () =>
        {
            if (_objective.Batches.Count == 5)
            {
                source.Cancel();
            }
        };
        using var tiny = Run(options => options with { Minibatches = 4, PromptsPerStep = 4, Steps = 5 }, cancel: source);
        Assert.Equal(2, tiny.Recorder.Lines.Count);
        Assert.Equal(8, _objective.Batches.Count);
    }

    [Fact]
    public void A_step_cancelled_while_it_samples_leaves_no_trace()
    {
        using var source = new CancellationTokenSource();
        var reward = new Scoring(_ =>
        {
            source.Cancel();
            return 0;
        });
        var sampler = new Interrupted(Tiny.Sampler().Create(new Tiny.NoServices()), source);
        using var tiny = Run(options => options with { Sampler = Part<ISampler>.Of("interrupted", sampler), Rewards = [Part<IReward>.Of("late", reward)] }, cancel: source);
        Assert.Empty(tiny.Recorder.Lines);
        using var untouched = new Tiny();
        Assert.Equal(untouched.Weights, tiny.Weights);
    }

    [Fact]
    public void A_sampler_that_records_other_log_probabilities_than_the_trainers_stops_the_run()
    {
        var lying = new Lying(Tiny.Sampler().Create(new Tiny.NoServices()), 0.01f);
        var error = Assert.Throws<PlumblineException>(() => Run(options => options with { Sampler = Part<ISampler>.Of("lying", lying) }));
        Assert.Contains("differ by 0.01 from the trainer's", error.Message, StringComparison.Ordinal);
        var honest = new Lying(Tiny.Sampler().Create(new Tiny.NoServices()), 0.0001f);
        using var tiny = Run(options => options with { Steps = 1, Sampler = Part<ISampler>.Of("honest", honest) });
        Assert.InRange(tiny.Recorder.Metrics[0]["sampler_gap"], 0.9e-4, 1.2e-4);
    }

    [Fact]
    public void Sampler_and_trainer_agree_to_rounding_also_at_another_temperature()
    {
        using var tiny = Run(options => options with { Steps = 2, Sampler = Tiny.Sampler(temperature: 0.6) });
        Assert.All(tiny.Recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-5));
    }

    [Fact]
    public void The_policy_learns_what_the_reward_likes()
    {
        using var tiny = Run(options => options with { Steps = 40, PromptsPerStep = 8, LearningRate = 0.02 });
        var rewards = tiny.Recorder.Metrics.Select(metrics => metrics["reward_mean"]).ToArray();
        Assert.True(rewards[^5..].Average() > rewards[..5].Average() + 0.3, $"from {rewards[..5].Average()} to {rewards[^5..].Average()}");
    }

    [Fact]
    public void Samples_are_told_at_the_interval_asked_for()
    {
        using var tiny = Run(options => options with { Steps = 5, SampleEvery = 2 });
        Assert.Equal([0, 0, 2, 2, 4, 4], tiny.Recorder.Samples.Select(sample => (int)sample["step"]!));
        using var silent = Run(options => options with { Steps = 5, SampleEvery = 0 });
        Assert.Empty(silent.Recorder.Samples);
    }

    private Tiny Run(Func<OnlineGroupsOptions, OnlineGroupsOptions> change, CancellationTokenSource? cancel = null)
    {
        var tiny = new Tiny();
        new OnlineGroups(
            change(new OnlineGroupsOptions
            {
                Objective = Part<GroupObjective>.Of("policy-gradient", _objective),
                Advantage = Part<IGroupAdvantage>.Of("less-group-mean", _advantage),
                Rewards = [Scoring.LikesA],
                Sampler = Tiny.Sampler(),
                Data = Tiny.Words(),
                Steps = 3,
                PromptsPerStep = 4,
            }),
            tiny.Stage).Run(cancel?.Token ?? CancellationToken.None);
        return tiny;
    }

    private sealed class Fixed(Scores scores) : IReward
    {
        public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context) => scores;
    }

    private sealed class Lying(ISampler sampler, float by) : ISampler
    {
        public int GroupSize => sampler.GroupSize;

        public double Temperature => sampler.Temperature;

        public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) =>
            [.. sampler.Sample(model, requests, cancel).Select(rollout => rollout with { Logps = [.. rollout.Logps.Select(logp => logp + by)] })];
    }

    private sealed class Interrupted(ISampler sampler, CancellationTokenSource source) : ISampler
    {
        public int GroupSize => sampler.GroupSize;

        public double Temperature => sampler.Temperature;

        public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default)
        {
            source.Cancel();
            return sampler.Sample(model, requests, cancel);
        }
    }
}
