using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class RewardTrainingTests
{
    [Fact]
    public void The_trained_model_takes_its_role_and_ranks_its_pairs()
    {
        using var tiny = new Tiny();
        New(tiny, options => options with { Steps = 40, BatchSize = 8 }).Run(CancellationToken.None);
        Assert.Equal(1, tiny.Recorder.Metrics[^1]["accuracy"]);
        var reward = new TrainedReward(new TrainedRewardOptions(), tiny.Run);
        var scores = Score(reward, ("ab", "ab"), ("ab", "ji"));
        Assert.True(scores[0] > scores[1]);
    }

    [Fact]
    public void The_policy_is_left_as_it_was()
    {
        using var tiny = new Tiny();
        var before = tiny.Weights;
        New(tiny).Run(CancellationToken.None);
        Assert.Equal(before, tiny.Weights);
    }

    [Fact]
    public void Members_differ_in_what_they_learn_and_one_must_be_named()
    {
        using var tiny = new Tiny();
        New(tiny, options => options with { Members = 3 }).Run(CancellationToken.None);
        var each = Enumerable.Range(0, 3).Select(member => Score(new TrainedReward(new TrainedRewardOptions { Member = member }, tiny.Run), ("ab", "ab"))[0]).ToList();
        Assert.Equal(3, each.Distinct().Count());
        Assert.Contains("member", Assert.Throws<PlumblineException>(() => Score(new TrainedReward(new TrainedRewardOptions(), tiny.Run), ("ab", "ab"))).Message, StringComparison.Ordinal);
        Assert.Contains("0 to 2", Assert.Throws<PlumblineException>(() => Score(new TrainedReward(new TrainedRewardOptions { Member = 3 }, tiny.Run), ("ab", "ab"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_member_is_the_same_with_and_without_others()
    {
        using var alone = new Tiny();
        New(alone).Run(CancellationToken.None);
        using var many = new Tiny();
        New(many, options => options with { Members = 2 }).Run(CancellationToken.None);
        Assert.Equal(
            Tiny.WeightsOf(alone.Run.Models.Get<PreferenceModel>("reward")),
            Tiny.WeightsOf(many.Run.Models.Get<PreferenceModel>("reward"))[..Tiny.WeightsOf(alone.Run.Models.Get<PreferenceModel>("reward")).Length]);
    }

    [Fact]
    public void Normalised_scores_have_mean_0_and_deviation_1_over_the_fixed_answers_and_keep_their_order()
    {
        using var tiny = new Tiny();
        New(tiny, options => options with { Members = 2, Normalization = Tiny.Words() }).Run(CancellationToken.None);
        using var scope = torch.NewDisposeScope();
        var model = tiny.Run.Models.Get<PreferenceModel>("reward");
        PromptedText[] fixedAnswers = [.. Tiny.Words().Create(new Tiny.NoServices()).Load(tiny.Run).Train.Select(row => new PromptedText(row.Text("prompt"), row.Text("completion")))];
        var scores = model.Scores(fixedAnswers);
        Assert.Equal([8L, 2L], scores.shape);
        for (var member = 0; member < 2; member++)
        {
            Assert.Equal(0, scores.select(1, member).mean().ToDouble(), 6);
            Assert.Equal(1, scores.select(1, member).std(unbiased: false).ToDouble(), 6);
        }
    }

    [Fact]
    public void The_weights_are_saved_with_their_statistics_and_a_later_stage_begins_from_them()
    {
        using var tiny = new Tiny();
        New(tiny, options => options with { Normalization = Tiny.Words() }).Run(CancellationToken.None);
        var expected = Score(new TrainedReward(new TrainedRewardOptions(), tiny.Run), ("ab", "ab"), ("gab", "ji"));
        using var later = new Tiny();
        New(later, options => options with { Weights = Path.Combine(tiny.Run.Folder, "reward.safetensors"), Steps = 0 }).Run(CancellationToken.None);
        Assert.Equal(expected, Score(new TrainedReward(new TrainedRewardOptions(), later.Run), ("ab", "ab"), ("gab", "ji")));
    }

    [Fact]
    public void Embeddings_and_gates_come_in_the_dimensions_the_objective_asks_for_and_are_no_scores()
    {
        using var tiny = new Tiny();
        var objective = new Embedding();
        New(tiny, options => options with { Objective = Part<PreferenceModelObjective>.Of("embedding", objective), Steps = 1 }).Run(CancellationToken.None);
        Assert.Equal([[3L, 4L], [3L, 4L], [3L, 2L]], objective.Shapes);
        Assert.Contains("no score", Assert.Throws<PlumblineException>(() => Score(new TrainedReward(new TrainedRewardOptions(), tiny.Run), ("ab", "ab"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_pairs_a_number_of_each_row_is_learnt()
    {
        using var tiny = new Tiny();
        var rows = new[] { ("a", "a", 1.0), ("a", "b", -1.0), ("b", "c", 0.5) }.Select((row, i) =>
            new Example(i, new JsonObject { ["prompt"] = row.Item1, ["completion"] = row.Item2, ["target"] = row.Item3 })).ToList();
        New(tiny, options => options with
        {
            Objective = Part<PreferenceModelObjective>.Of("pointwise", new Pointwise()), Data = Part<IData>.Of("memory", new Rows(rows)), Steps = 150,
        }).Run(CancellationToken.None);
        var scores = Score(new TrainedReward(new TrainedRewardOptions(), tiny.Run), ("a", "a"), ("a", "b"), ("b", "c"));
        Assert.Equal([1, -1, 0.5], scores.Select(score => Math.Round(score, 1)));
    }

    [Fact]
    public void A_backbone_of_its_own_needs_no_policy()
    {
        using var tiny = new Tiny();
        New(tiny, options => options with { Model = Part<IModel>.Of("lengths", new Lengths()), Steps = 100 }).Run(CancellationToken.None);
        // Chosen answers are those that are not two letters long.
        var scores = Score(new TrainedReward(new TrainedRewardOptions(), tiny.Run), ("x", "a"), ("x", "abcdefgh"));
        Assert.NotEqual(scores[0], scores[1]);
    }

    [Fact]
    public void A_row_that_is_too_long_is_refused_or_dropped()
    {
        using var tiny = new Tiny();
        Assert.Contains("row 3", Assert.Throws<PlumblineException>(() => New(tiny, options => options with { MaxLength = 9 }).Run(CancellationToken.None)).Message, StringComparison.Ordinal);
        New(tiny, options => options with { MaxLength = 9, Overlong = OverlongPolicy.Drop }).Run(CancellationToken.None);
    }

    [Fact]
    public void The_vector_of_an_answer_does_not_depend_on_the_padding_of_others()
    {
        using var tiny = new Tiny();
        using var scope = torch.NewDisposeScope();
        using var backbone = new CausalBackbone((ICausalModel)tiny.Policy.Freeze());
        var (alone, prompt) = backbone.Read([new("ab", "c")], prompts: true);
        var (among, prompts) = backbone.Read([new("abcdefg", "abcde"), new("ab", "c")], prompts: true);
        Assert.True((alone[0] - among[1]).abs().max().ToDouble() < 1e-5);
        Assert.True((prompt![0] - prompts![1]).abs().max().ToDouble() < 1e-5);
        Assert.True((backbone.Read([new("ab", "dj")], prompts: true).Prompts![0] - prompt[0]).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Pairs_are_measured_by_a_judge_or_a_reward_once_the_model_is_there()
    {
        using var tiny = new Tiny();
        var evaluation = new PreferenceAccuracy(new PreferenceAccuracyOptions { Data = Tiny.Words(), Split = Split.Train, Role = "reward", Reward = Part<IReward>.Of("trained-reward", new TrainedReward(new TrainedRewardOptions(), tiny.Run)) });
        Assert.Empty(evaluation.Evaluate(tiny.Stage, CancellationToken.None));
        New(tiny, options => options with { Steps = 40, BatchSize = 8 }).Run(CancellationToken.None);
        Assert.Equal(1, evaluation.Evaluate(tiny.Stage, CancellationToken.None)["preference_accuracy"]);
        var judged = new PreferenceAccuracy(new PreferenceAccuracyOptions { Data = Tiny.Words(), Split = Split.Train, Judge = Part<IJudge>.Of("longer", new Longer()) });
        // The eight chosen answers are as long as their prompts, the others two letters: three longer, three as long, two shorter.
        Assert.Equal((3 + (0.5 * 3)) / 8, judged.Evaluate(tiny.Stage, CancellationToken.None)["preference_accuracy"], 9);
    }

    private sealed class Longer : IJudge
    {
        public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context) =>
            [.. pairs.Select(pair => (1 + Math.Sign(pair.First.Text.Length - pair.Second.Text.Length)) / 2.0)];
    }

    private sealed class Rows(IReadOnlyList<Example> rows) : IData
    {
        public DataSet Load(RunContext run) => new(rows, []);
    }

    private static double[] Score(TrainedReward reward, params (string Prompt, string Answer)[] rows) => reward.Score(
        [.. rows.Select((row, i) => StoredAnswer.Of(new Example(i, new JsonObject { ["prompt"] = row.Prompt }), i, row.Answer))], new RewardContext(0, 0, default)).Values;

    private static RewardTraining New(Tiny tiny, Func<RewardTrainingOptions, RewardTrainingOptions>? change = null)
    {
        var options = new RewardTrainingOptions { Objective = Ranking.Part, Data = Tiny.Words(), Steps = 6, BatchSize = 3, LearningRate = 0.01 };
        return new RewardTraining(change?.Invoke(options) ?? options, tiny.Stage);
    }
}
