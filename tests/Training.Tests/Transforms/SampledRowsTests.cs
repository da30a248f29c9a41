using Plumbline.Training;

namespace Plumbline.Tests;

/// <summary>Transforms that sample from the policy: pairs and demonstrations of its own answers.</summary>
public sealed class SampledRowsTests
{
    private static readonly Part<IReward> Length = Scoring.Part("length", rollout => rollout.Completion.Length);

    [Fact]
    public void The_better_answer_of_two_is_chosen_and_ties_are_left_out()
    {
        using var tiny = new Tiny();
        var rows = Rows(tiny, 60);
        var pairs = Apply(tiny, new SampledPairsOptions { Sampler = Tiny.Sampler(), Rewards = [Length], Label = PairLabel.Best }, rows);
        Assert.InRange(pairs.Count, 1, 59);
        Assert.All(pairs, pair => Assert.True(pair.FindNumber("chosen_score") > pair.FindNumber("rejected_score")));
        Assert.All(pairs, pair => Assert.Equal(rows[(int)pair.Index].Text("prompt"), pair.Text("prompt")));
    }

    [Fact]
    public void A_drawn_label_follows_the_probability_of_the_rewards_or_the_judge()
    {
        using var tiny = new Tiny();
        var rows = Rows(tiny, 400);
        double Share(SampledPairsOptions options) => Apply(tiny, options with { Sampler = Tiny.Sampler() }, rows)
            .Where(pair => pair.FindNumber("chosen_score") != pair.FindNumber("rejected_score")).Average(pair => pair.FindNumber("chosen_score") > pair.FindNumber("rejected_score") ? 1.0 : 0.0);

        var options = new SampledPairsOptions { Sampler = Tiny.Sampler(), Rewards = [Length] };
        Assert.Equal(1, Share(options with { Temperature = 1e-3 }));
        Assert.InRange(Share(options with { Temperature = 1e6 }), 0.4, 0.6);
        Assert.InRange(Share(options with { Judge = Judge(0.5) }), 0.4, 0.6);
        Assert.InRange(Share(options with { Temperature = 1 }), 0.65, 0.95);
    }

    [Fact]
    public void A_judge_that_gives_no_probability_is_refused_by_name()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => Apply(tiny, new SampledPairsOptions { Sampler = Tiny.Sampler(), Judge = Judge(1.5) }, Rows(tiny, 2)));
        Assert.Contains("judge 'fixed'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rows_pair_does_not_depend_on_the_other_rows()
    {
        using var tiny = new Tiny();
        var (options, rows) = (new SampledPairsOptions { Sampler = Tiny.Sampler(), Rewards = [Length] }, Rows(tiny, 40));
        var (all, some) = (Apply(tiny, options, rows), Apply(tiny, options, [.. rows.AsEnumerable().Reverse().Take(7)]));
        Assert.All(some, pair => Assert.Equal(all.Single(other => other.Index == pair.Index).Columns.ToJsonString(), pair.Columns.ToJsonString()));
    }

    [Fact]
    public void The_best_of_several_answers_becomes_the_demonstration()
    {
        using var tiny = new Tiny();
        var rows = Rows(tiny, 50);
        double Mean(int group) => new BestOfN(new BestOfNOptions { Sampler = Tiny.Sampler(group), Rewards = [Length] }, tiny.Stage)
            .Apply(rows, new Draws(5), CancellationToken.None).Average(row => row.FindNumber("score")!.Value);

        Assert.True(Mean(1) < Mean(2) && Mean(2) < Mean(8));
        var best = new BestOfN(new BestOfNOptions { Sampler = Tiny.Sampler(8), Rewards = [Length] }, tiny.Stage).Apply(rows, new Draws(5), CancellationToken.None);
        Assert.All(best, row => Assert.InRange(row.FindNumber("score")!.Value - row.Text("completion").Length, 0, 5));
    }

    [Fact]
    public void Sampled_answers_are_cut_into_steps_and_keep_their_outcome()
    {
        using var tiny = new Tiny();
        var prompts = Rows(tiny, 20);
        SampledStepsOptions options = new() { Sampler = Tiny.Sampler(), Rewards = [Length, Length], Separator = "a" };
        var rows = new SampledSteps(options, tiny.Stage).Apply(prompts, new Draws(5), CancellationToken.None);
        Assert.Equal(80, rows.Count);
        Assert.Equal(80, rows.Select(row => row.Index).Distinct().Count());
        foreach (var row in rows)
        {
            string[] steps = [.. row.Columns["steps"]!.AsArray().Select(step => (string)step!)];
            Assert.All(steps.SkipLast(1), step => Assert.Equal(step.Length - 1, step.IndexOf('a', StringComparison.Ordinal)));
            var length = steps.Sum(step => step.Length);
            // Letters j and beyond are special tokens that leave no trace; the outcome is the sum of both rewards.
            Assert.InRange(row.FindNumber("rewards")!.Value, 2 * length, 10);
        }

        Assert.Contains(rows, row => row.Columns["steps"]!.AsArray().Count > 1);
        Assert.NotEmpty((options with { Rewards = [] }).Check());
    }

    [Fact]
    public void Without_a_separator_each_token_is_a_step_and_the_end_goes_with_the_last_one()
    {
        var letters = new Letters();
        Assert.Equal([1, 2, 4], AnswerSteps.Ends(letters, [0, 1, 2, 10], null));
        Assert.Equal([2, 4], AnswerSteps.Ends(letters, [1, 0, 0, 10], "a"));
        Assert.Equal([1], AnswerSteps.Ends(letters, [10], "a"));
        Assert.Empty(AnswerSteps.Ends(letters, [], "a"));
    }

    private static List<Example> Rows(Tiny tiny, int count)
    {
        var words = Tiny.Words().Create(tiny.Stage.Services).Load(tiny.Run).Train;
        return [.. Enumerable.Range(0, count).Select(i => new Example(i, (System.Text.Json.Nodes.JsonObject)words[i % words.Count].Columns.DeepClone()))];
    }

    private static IReadOnlyList<Example> Apply(Tiny tiny, SampledPairsOptions options, IReadOnlyList<Example> rows) =>
        new SampledPairs(options, tiny.Stage).Apply(rows, new Draws(5), CancellationToken.None);

    private static Part<IJudge> Judge(double probability) => Part<IJudge>.Of("fixed", new Fixed(probability));

    private sealed class Fixed(double probability) : IJudge
    {
        public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context) => [.. pairs.Select(_ => probability)];
    }
}
