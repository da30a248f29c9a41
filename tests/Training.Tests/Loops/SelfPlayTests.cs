using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class SelfPlayTests
{
    [Fact]
    public void The_best_and_the_worst_answer_of_a_prompt_come_with_their_win_rates()
    {
        var judge = new Judges((first, second) => first.Sample < second.Sample ? 0.9 : 0.1);
        var seen = Assert.Single(Iterations(judge, options => options with { Steps = 1, BatchSize = 8 }));
        // Of four answers the first beats three: (1/2 + 3 · 0.9)/4.
        Assert.All(seen.Numbers["chosen_win_rates"], value => Assert.Equal(0.8, value, 6));
        Assert.All(seen.Numbers["rejected_win_rates"], value => Assert.Equal(0.2, value, 6));
        Assert.All(seen.Numbers["chosen_probs"], value => Assert.Equal(0.9, value, 6));
        Assert.All(seen.Numbers["chosen_scores"], value => Assert.Equal(0.75 * Math.Log(9), value, 5));
        Assert.All(seen.Numbers["rejected_scores"], value => Assert.Equal(-0.75 * Math.Log(9), value, 5));
        // Each pair once, not both ways.
        Assert.Equal(8 * 6, judge.Asked[0].Length);
        var firsts = judge.Asked[0].Where(pair => pair.First.Sample == 0).Select(pair => pair.First).DistinctBy(rollout => rollout.GroupId).ToDictionary(rollout => string.Join(' ', rollout.Completion));
        Assert.All(seen.Chosen, row => Assert.Contains(firsts.Keys, key => string.Join(' ', row).StartsWith(key, StringComparison.Ordinal)));
    }

    [Fact]
    public void Scores_choose_by_themselves()
    {
        var objective = new PairsSeen();
        Run(objective.Part, options => options with { Judge = null, Rewards = [Scoring.Part("order", rollout => rollout.Sample)], Steps = 1, BatchSize = 8 });
        var seen = objective.Batches[0];
        Assert.All(seen.Numbers["chosen_scores"], value => Assert.Equal(3, value));
        Assert.All(seen.Numbers["rejected_scores"], value => Assert.Equal(0, value));
        Assert.All(seen.Numbers["chosen_probs"], value => Assert.Equal(1 / (1 + Math.Exp(-3)), value, 6));
    }

    [Fact]
    public void The_reference_is_the_policy_that_sampled_an_iteration()
    {
        var objective = new PairsSeen(Needs.Reference);
        Run(objective.Part, options => options with { Steps = 6, Iterations = 3, LearningRate = 0.05 });
        foreach (var (batch, step) in objective.Batches.Select((batch, step) => (batch, step)))
        {
            var same = batch.ChosenLogps.Zip(batch.ReferenceLogps).All(pair => Math.Abs(pair.First - pair.Second) < 1e-4);
            Assert.Equal(step % 2 == 0, same);
        }
    }

    [Fact]
    public void A_reference_that_is_never_refreshed_stays_the_first_policy()
    {
        var objective = new PairsSeen(Needs.Reference);
        Run(objective.Part, options => options with { Steps = 6, Iterations = 3, LearningRate = 0.05, ReferenceRefresh = ReferenceRefresh.Never });
        Assert.Equal([0], objective.Batches.Select((batch, step) => (batch, step))
            .Where(pair => pair.batch.ChosenLogps.Zip(pair.batch.ReferenceLogps).All(values => Math.Abs(values.First - values.Second) < 1e-4)).Select(pair => pair.step));
    }

    [Fact]
    public void Split_prompts_give_each_iteration_its_own()
    {
        var judge = new Judges((_, _) => 0.7);
        Iterations(judge, options => options with { Steps = 4, Iterations = 4, SplitPrompts = true });
        Assert.Equal([[0, 1], [2, 3], [4, 5], [6, 7]], judge.Asked.Select(asked => asked.Select(pair => pair.First.Example.Index).Distinct().ToArray()));
    }

    [Fact]
    public void A_fresh_optimiser_takes_its_schedule_anew()
    {
        var recorder = Run(new PairsSeen().Part, options => options with { Steps = 6, Iterations = 2, ResetOptimizer = true, Schedule = ScheduleKind.Linear, LearningRate = 0.3 });
        Assert.Equal([0.3, 0.2, 0.1, 0.3, 0.2, 0.1], recorder.Metrics.Select(metrics => Math.Round(metrics["learning_rate"], 6)));
    }

    [Fact]
    public void At_every_step_both_answers_are_judged_against_the_opponents()
    {
        var judge = new Judges((first, _) => first.Sample == 0 ? 0.25 : 0.75);
        var objective = new PairsSeen();
        Run(objective.Part, options => options with { Play = SelfPlayKind.Steps, Judge = judge.Part, OpponentSampler = Tiny.Sampler(), Steps = 2, PromptsPerStep = 3 });
        Assert.All(objective.Batches, batch => Assert.All(batch.Numbers["chosen_win_rates"], value => Assert.Equal(0.25, value, 6)));
        Assert.All(objective.Batches, batch => Assert.All(batch.Numbers["rejected_win_rates"], value => Assert.Equal(0.75, value, 6)));
        Assert.Equal(judge.Asked[0].Take(3).Select(pair => pair.Second), judge.Asked[0].Skip(3).Select(pair => pair.Second));
    }

    [Fact]
    public void Without_an_opponent_the_two_answers_are_judged_against_each_other()
    {
        var judge = new Judges((_, _) => 0.25);
        var objective = new PairsSeen();
        Run(objective.Part, options => options with { Play = SelfPlayKind.Steps, Judge = judge.Part, Steps = 1, PromptsPerStep = 3 });
        Assert.All(objective.Batches[0].Numbers["chosen_win_rates"], value => Assert.Equal(0.25, value, 6));
        Assert.All(objective.Batches[0].Numbers["rejected_win_rates"], value => Assert.Equal(0.5, value, 6));
        Assert.Equal(3, Assert.Single(judge.Asked).Length);
    }

    [Theory]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.Adamw)]
    [InlineData(OptimizerKind.Rmsprop)]
    [InlineData(OptimizerKind.Sgd)]
    public void A_look_ahead_samples_from_the_trial_policy_and_steps_from_where_it_began(OptimizerKind optimizer)
    {
        using var tiny = new Tiny();
        var objective = new PairsSeen();
        var weights = new List<double[]>();
        objective.OnCompute = _ => weights.Add(tiny.Weights);
        var sampled = new List<double[]>();
        var judge = new Judges((_, _) =>
        {
            sampled.Add(tiny.Weights);
            return 0.5;
        });
        Run(tiny, objective.Part, options => options with { Play = SelfPlayKind.LookAhead, Judge = judge.Part, Optimizer = optimizer, Steps = 3, PromptsPerStep = 3, LearningRate = 0.05 });
        // Two losses a step, both at the same weights: the trial's update was taken back.
        Assert.Equal(weights[0], weights[1]);
        Assert.Equal(weights[2], weights[3]);
        Assert.NotEqual(weights[1], weights[2]);
        // Three pairs a phase: the trial's answers come from the step's weights, the real ones' from others.
        Assert.Equal(weights[2], sampled[6]);
        Assert.NotEqual(weights[2], sampled[9]);
        // The count of updates goes back too.
        Assert.Equal([0, 0, 1, 1, 2, 2], objective.Batches.Select(batch => batch.Step));
    }

    [Fact]
    public void The_optimiser_forgets_the_trial()
    {
        // The same real batches, with and without a trial between: the weights agree to the last bit only if Adam's moments were put back.
        double[] With(SelfPlayKind play)
        {
            using var tiny = new Tiny();
            Run(tiny, Preference.Part(reference: false), options => options with { Play = play, Judge = Judges.LikesA, Optimizer = OptimizerKind.Adam, Steps = 1, Sampler = Part<ISampler>.Of("stored", new Stored()), PromptsPerStep = 3 });
            Run(tiny, Preference.Part(reference: false), options => options with { Play = play, Judge = Judges.LikesA, Optimizer = OptimizerKind.Adam, Steps = 4, Sampler = Part<ISampler>.Of("stored", new Stored()), PromptsPerStep = 3 });
            return tiny.Weights;
        }

        Assert.Equal(With(SelfPlayKind.Steps), With(SelfPlayKind.LookAhead));
    }

    [Theory]
    [InlineData("nothing tells")]
    [InlineData("select is scores")]
    [InlineData("needs a judge")]
    [InlineData("only 2 steps")]
    public void Options_that_do_not_go_together_are_refused(string message)
    {
        var options = Options(new PairsSeen().Part);
        var broken = message switch
        {
            "nothing tells" => options with { Judge = null },
            "select is scores" => options with { Select = WinRateKind.Scores },
            "needs a judge" => options with { Judge = null, Play = SelfPlayKind.LookAhead, Rewards = [Scoring.LikesA] },
            _ => options with { Iterations = 3 },
        };
        Assert.Contains(message, Assert.Single(broken.Check()), StringComparison.Ordinal);
        Assert.Empty(options.Check());
    }

    private static List<PairsSeen.Seen> Iterations(Judges judge, Func<SelfPlayOptions, SelfPlayOptions> change)
    {
        var objective = new PairsSeen();
        Run(objective.Part, options => change(options with { Judge = judge.Part }));
        return objective.Batches;
    }

    private static MemoryRecorder Run(Part<PairObjective> objective, Func<SelfPlayOptions, SelfPlayOptions> change)
    {
        using var tiny = new Tiny();
        Run(tiny, objective, change);
        return tiny.Recorder;
    }

    private static void Run(Tiny tiny, Part<PairObjective> objective, Func<SelfPlayOptions, SelfPlayOptions> change)
    {
        tiny.Recorder.Metrics.Clear();
        new SelfPlay(change(Options(objective)), tiny.Stage).Run(CancellationToken.None);
    }

    private static SelfPlayOptions Options(Part<PairObjective> objective) => new()
    {
        Objective = objective,
        Judge = Judges.LikesA,
        Sampler = Tiny.Sampler(),
        Data = Tiny.Words(),
        Steps = 2,
        BatchSize = 4,
        LearningRate = 0.02,
    };

    /// <summary>Answers that do not depend on the policy, with its log-probabilities.</summary>
    private sealed class Stored : ISampler
    {
        public int GroupSize => 2;

        public double Temperature => 1;

        public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) =>
            [.. requests.SelectMany(request => Enumerable.Range(0, request.Count).Select(sample =>
            {
                int[] answer = [sample, (int)(request.Example.Index + sample) % 5, 10];
                var logps = new SequenceScorer(model).Score([new PromptedSequence(request.Prompt, answer)]).Logps;
                return new Rollout
                {
                    Example = request.Example,
                    GroupId = request.GroupId,
                    Sample = sample,
                    Prompt = request.Prompt,
                    Completion = answer,
                    Logps = logps.detach().data<float>().ToArray(),
                    Text = model.Tokenizer.Decode(answer),
                    Truncated = false,
                };
            }))];
    }
}
