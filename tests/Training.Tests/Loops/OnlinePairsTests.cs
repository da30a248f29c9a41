using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class OnlinePairsTests
{
    [Fact]
    public void The_policy_learns_what_the_judge_prefers()
    {
        var recorder = Run(Preference.Part(reference: false), Judges.LikesA, options => options with { Steps = 40, PromptsPerStep = 8, PairsPerPrompt = 4, Labels = PairLabels.Hard });
        Assert.True(recorder.Metrics[^1]["a"] > recorder.Metrics[0]["a"] + 1, $"{recorder.Metrics[0]["a"]} to {recorder.Metrics[^1]["a"]}");
    }

    [Fact]
    public void A_hard_label_chooses_the_likelier_answer_and_of_equals_the_first()
    {
        var judge = new Judges((first, _) => first.GroupId == 0 ? 0.3 : 0.5);
        var seen = Single(judge, PairLabels.Hard);
        Assert.Equal(judge.Asked[0].Select(pair => pair.First.GroupId == 0 ? 0.0 : 1), seen.Numbers["chosen_is_first"]);
        for (var i = 0; i < judge.Asked[0].Length; i++)
        {
            var (first, second) = judge.Asked[0][i];
            Assert.Equal(Tokens(first.GroupId == 0 ? second : first), seen.Chosen[i].Take((first.GroupId == 0 ? second : first).Completion.Length));
            Assert.Equal(Tokens(first.GroupId == 0 ? first : second), seen.Rejected[i].Take((first.GroupId == 0 ? first : second).Completion.Length));
        }
    }

    [Fact]
    public void A_sampled_label_chooses_the_first_answer_as_often_as_the_judge_says()
    {
        var batches = Run(new Judges((_, _) => 0.8), PairLabels.Sampled, options => options with { Steps = 10, PromptsPerStep = 8, PairsPerPrompt = 10 });
        Assert.InRange(batches.Average(batch => batch.Numbers["chosen_is_first"].Average()), 0.76, 0.84);
    }

    [Fact]
    public void A_soft_label_is_the_judges_probability_and_the_first_answer_the_chosen_one()
    {
        var seen = Single(new Judges((first, _) => first.GroupId / 10.0), PairLabels.Soft);
        Assert.Equal([0, 0, 0.1, 0.1, 0.2, 0.2], seen.Numbers["preference"].Select(value => Math.Round(value, 6)));
        Assert.All(seen.Numbers["chosen_is_first"], value => Assert.Equal(1, value));
    }

    [Fact]
    public void A_judge_with_a_liking_for_the_first_place_is_averaged_out_over_both_orders()
    {
        var judge = new Judges((_, _) => 0.9);
        var seen = Single(judge, PairLabels.Soft, options => options with { BothOrders = true });
        Assert.All(seen.Numbers["preference"], value => Assert.Equal(0.5, value, 6));
        Assert.Equal(judge.Asked[0].Select(pair => pair.Second), judge.Asked[1].Select(pair => pair.First));
    }

    [Fact]
    public void The_bonus_is_on_the_second_answers_with_gradient()
    {
        var objective = new PairsSeen();
        var gaps = new List<double>();
        objective.OnCompute = batch =>
        {
            // The second answer is the rejected one where the first was chosen.
            var second = TorchSharp.torch.where(batch["chosen_is_first"].unsqueeze(1), batch.PolicyRejectedLogps, batch.PolicyChosenLogps);
            gaps.Add((second - batch["explore_logps"]).abs().max().ToDouble());
        };
        Run(objective.Part, new Judges((_, _) => 0.5).Part, options => options with { Labels = PairLabels.Sampled, Steps = 3 });
        Assert.All(gaps, gap => Assert.Equal(0, gap));
        Assert.All(objective.Batches, batch => Assert.True(batch.ExploreHasGradient));
    }

    [Fact]
    public void The_reference_answers_for_itself_while_the_policy_learns()
    {
        var objective = new PairsSeen(Needs.Reference);
        var judge = new Judges((_, _) => 1);
        var recorder = Run(objective.Part, judge.Part, options => options with { First = AnswersFrom.Policy, Second = AnswersFrom.Reference, Steps = 3, LearningRate = 0.1 });
        // The policy's own answers are checked against the trainer; those of the reference are not the policy's after a step.
        Assert.All(recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-4));
        Assert.NotEqual(objective.Batches[2].ChosenLogps, objective.Batches[2].ReferenceLogps);
        Assert.NotEqual(judge.Asked[0].Select(pair => pair.First.Text), judge.Asked[0].Select(pair => pair.Second.Text));
    }

    [Fact]
    public void A_history_of_all_keeps_every_pair_and_of_the_last_only_the_new_ones()
    {
        var all = Run(new Judges((_, _) => 1), PairLabels.Hard, options => options with { History = PairHistory.All, Steps = 3, UpdatesPerRound = 2 });
        Assert.Equal([6, 6, 12, 12, 18, 18], all.Select(batch => batch.Chosen.Length));
        Assert.Equal([0, 1, 2, 3, 4, 5], all.Select(batch => batch.Step));
        var last = Run(new Judges((_, _) => 1), PairLabels.Hard, options => options with { Steps = 3, UpdatesPerRound = 2 });
        Assert.All(last, batch => Assert.Equal(6, batch.Chosen.Length));
    }

    [Fact]
    public void A_batch_of_the_history_is_drawn_anew_for_each_update()
    {
        var batches = Run(new Judges((_, _) => 1), PairLabels.Hard, options => options with { History = PairHistory.All, Steps = 4, UpdatesPerRound = 3, BatchSize = 4 });
        Assert.All(batches, batch => Assert.Equal(4, batch.Chosen.Length));
        Assert.NotEqual(batches[^1].Chosen.Select(row => string.Join(' ', row)), batches[^2].Chosen.Select(row => string.Join(' ', row)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_fresh_optimiser_moves_every_weight_by_the_rate(bool reset)
    {
        using var tiny = new Tiny();
        var objective = new PairsSeen();
        var weights = new List<double[]>();
        objective.OnCompute = _ => weights.Add(tiny.Weights);
        Run(tiny, objective.Part, new Judges((_, _) => 0.7).Part, options => options with { Optimizer = OptimizerKind.Adam, LearningRate = 0.01, ResetOptimizer = reset, Steps = 5, MaxGradNorm = null });
        // Adam's first step is the rate in the gradient's direction, a later one an average over directions.
        var moved = weights[4].Zip(weights[3], (after, before) => Math.Abs(after - before)).Where(by => by > 0).ToArray();
        Assert.Equal(reset, moved.Count(by => Math.Abs(by - 0.01) < 1e-3) > 0.9 * moved.Length);
    }

    [Fact]
    public void An_answer_is_checked_at_the_samplers_own_temperature()
    {
        var recorder = Run(Preference.Part(reference: false), Judges.LikesA, options => options with { Sampler = Tiny.Sampler(temperature: 0.5), Steps = 2 });
        Assert.InRange(recorder.Metrics[0]["sampler_gap"], 0, 1e-4);
        Assert.False(recorder.Metrics[1].ContainsKey("sampler_gap"));
    }

    [Fact]
    public void A_judge_that_is_torn_over_every_pair_of_an_epoch_is_diagnosed_once()
    {
        var diagnosis = Assert.Single(Run(Preference.Part(reference: false), new Judges((_, _) => 0.5).Part, options => options with { Steps = 8 }).Diagnoses);
        Assert.Equal("equal-preferences", diagnosis.Name);
        Assert.Empty(Run(Preference.Part(reference: false), new Judges((_, _) => 0.6).Part, options => options with { Steps = 8 }).Diagnoses);
    }

    [Theory]
    [InlineData(1.2)]
    [InlineData(double.NaN)]
    public void What_is_no_probability_is_refused_by_the_judges_name(double value) => Assert.Contains(
        "judge 'judge' gave", Assert.Throws<PlumblineException>(() => Run(Preference.Part(reference: false), new Judges((_, _) => value).Part)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_the_judge_tells_is_logged() =>
        Assert.Equal([1.0, 2.0], Run(Preference.Part(reference: false), new Judges((_, _) => 1).Part, options => options with { Steps = 2 }).Metrics.Select(metrics => metrics["judge/asked"]));

    private static long[] Tokens(Rollout rollout) => [.. rollout.Completion.Select(token => (long)token)];

    private static PairsSeen.Seen Single(Judges judge, PairLabels labels, Func<OnlinePairsOptions, OnlinePairsOptions>? change = null) =>
        Assert.Single(Run(judge, labels, options => (change?.Invoke(options) ?? options) with { Steps = 1 }));

    private static List<PairsSeen.Seen> Run(Judges judge, PairLabels labels, Func<OnlinePairsOptions, OnlinePairsOptions> change)
    {
        var objective = new PairsSeen();
        Run(objective.Part, judge.Part, options => change(options with { Labels = labels }));
        return objective.Batches;
    }

    private static MemoryRecorder Run(Part<PairObjective> objective, Part<IJudge> judge, Func<OnlinePairsOptions, OnlinePairsOptions>? change = null)
    {
        using var tiny = new Tiny();
        Run(tiny, objective, judge, change);
        return tiny.Recorder;
    }

    private static void Run(Tiny tiny, Part<PairObjective> objective, Part<IJudge> judge, Func<OnlinePairsOptions, OnlinePairsOptions>? change)
    {
        var options = new OnlinePairsOptions
        {
            Objective = objective,
            Judge = judge,
            Sampler = Tiny.Sampler(),
            Data = Tiny.Words(),
            Observers = [Part<IObserver>.Of("counts-a", new CountsA(tiny))],
            Steps = 2,
            PromptsPerStep = 3,
            PairsPerPrompt = 2,
            LearningRate = 0.02,
        };
        new OnlinePairs(change?.Invoke(options) ?? options, tiny.Stage).Run(CancellationToken.None);
    }

    /// <summary>The policy's mean number of the letter a in an answer.</summary>
    private sealed class CountsA(Tiny tiny) : IObserver
    {
        public IReadOnlyDictionary<string, double> Measure(int step) => new Dictionary<string, double>
        {
            ["a"] = Tiny.Sampler(group: 64).Create(new Tiny.NoServices())
                .Sample(tiny.Policy, [new SamplingRequest(new Example(0, []), 0, [12, 1], 64, new Draws(3))], CancellationToken.None)
                .Average(rollout => rollout.Text.Count(letter => letter == 'a')),
        };

        public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;
    }
}
