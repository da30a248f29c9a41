using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class EvaluationsTests
{
    [Fact]
    public void Sampled_reward_is_the_mean_score_whatever_the_batch_size()
    {
        using var tiny = new Tiny();
        SampledRewardOptions Options(int batch) => new() { Data = Tiny.Words(), Split = Split.Train, Reward = Scoring.LikesA, Sampler = Tiny.Sampler(group: 2), BatchSize = batch };
        var whole = new SampledReward(Options(100)).Evaluate(tiny.Stage, CancellationToken.None)["likes-a"];
        Assert.InRange(whole, 0, 1);
        Assert.Equal(whole, new SampledReward(Options(3)).Evaluate(tiny.Stage, CancellationToken.None)["likes-a"], 12);
        Assert.Equal(whole, new SampledReward(Options(100)).Evaluate(tiny.Stage, CancellationToken.None)["likes-a"]);
        Assert.All(tiny.Recorder.Samples, sample => Assert.Equal("likes-a", (string?)sample["evaluation"]));
        Assert.Equal(12, tiny.Recorder.Samples.Count);
    }

    [Fact]
    public void Pass_at_n_counts_the_completions_above_the_threshold_of_each_prompt()
    {
        using var tiny = new Tiny();
        // Right: three of the first prompt's four, none of the others'.
        var reward = Scoring.Part("first", rollout => rollout.Example.Index == 0 && rollout.Sample > 0 ? 0.6 : 0.5);
        PassAtNOptions Options(int batch, int[] n) => new() { Data = Tiny.Words(), Split = Split.Train, Limit = 2, Reward = reward, Sampler = Tiny.Sampler(), BatchSize = batch, N = n };
        foreach (var batch in new[] { 1, 100 })
        {
            var results = new PassAtNEvaluation(Options(batch, [1, 2])).Evaluate(tiny.Stage, CancellationToken.None);
            Assert.Equal(["pass_at_1", "pass_at_2"], results.Keys);
            Assert.Equal(0.375, results["pass_at_1"], 12);
            Assert.Equal(0.5, results["pass_at_2"], 12);
        }

        Assert.Contains("n:", Assert.Throws<InvalidInputException>(() => new PassAtNEvaluation(Options(9, [5])).Evaluate(tiny.Stage, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gold_reward_scores_the_datas_own_completions()
    {
        using var tiny = new Tiny();
        var reward = Scoring.Part("ends-with-j", rollout => rollout.Text.EndsWith('j') ? 1 : 0);
        var results = new GoldReward(new() { Data = Tiny.Words(), Split = Split.Train, Reward = reward }).Evaluate(tiny.Stage, CancellationToken.None);
        Assert.Equal([KeyValuePair.Create("gold ends-with-j", 1.0)], results);
    }

    [Fact]
    public void A_score_that_is_no_number_is_refused_with_the_reward_named()
    {
        using var tiny = new Tiny();
        var reward = Scoring.Part("odd", _ => double.NaN);
        var error = Assert.Throws<PlumblineException>(() => new GoldReward(new() { Data = Tiny.Words(), Split = Split.Train, Reward = reward }).Evaluate(tiny.Stage, CancellationToken.None));
        Assert.Contains("reward 'odd' gave NaN", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_reward_has_no_opinion_of_is_left_out_of_the_mean()
    {
        using var tiny = new Tiny();
        double Mean(Func<int, bool> scored) => new GoldReward(new() { Data = Tiny.Words(), Split = Split.Train, Reward = Part<IReward>.Of("picky", new Picky(scored)) })
            .Evaluate(tiny.Stage, CancellationToken.None)["gold picky"];
        Assert.Equal(1, Mean(row => row == 1));
        Assert.Contains("reward 'picky' has no opinion", Assert.Throws<PlumblineException>(() => Mean(_ => false)).Message, StringComparison.Ordinal);
    }

    private sealed class Picky(Func<int, bool> scored) : IReward
    {
        public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context) =>
            new([.. rollouts.Select((_, row) => (double)row)]) { Scored = [.. rollouts.Select((_, row) => scored(row))] };
    }

    [Fact]
    public void Pair_accuracy_is_the_share_of_pairs_the_policy_orders_rightly()
    {
        using var tiny = new Tiny();
        var there = Accuracy(tiny, ("a", "bcd"), ("bb", "c"), ("cj", "ddd"));
        var back = Accuracy(tiny, ("bcd", "a"), ("c", "bb"), ("ddd", "cj"));
        Assert.Equal(["pair_accuracy"], there.Keys);
        Assert.Equal(1, there["pair_accuracy"] + back["pair_accuracy"], 12);
    }

    [Fact]
    public void A_tie_counts_half() =>
        Assert.Equal(0.5, Accuracy(new Tiny(), ("ab", "ab"))["pair_accuracy"]);

    [Fact]
    public void Beside_a_reference_the_implicit_reward_is_compared_too()
    {
        using var tiny = new Tiny();
        tiny.Run.Models.Set("reference", tiny.Policy.Freeze());
        // Policy and reference are equal, so every pair is a tie.
        Assert.Equal(0.5, Accuracy(tiny, ("a", "bcd"), ("bb", "c"))["pair_accuracy_implicit"]);
    }

    [Fact]
    public void An_empty_part_of_the_data_is_refused_with_the_remedy()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => new GoldReward(new() { Data = Tiny.Words(), Reward = Scoring.LikesA }).Evaluate(tiny.Stage, CancellationToken.None));
        Assert.Contains("the held-out part of data 'memory' is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_limit_takes_the_first_examples()
    {
        using var tiny = new Tiny();
        var reward = Scoring.Part("index", rollout => rollout.Example.Index);
        Assert.Equal(1, new GoldReward(new() { Data = Tiny.Words(), Split = Split.Train, Reward = reward, Limit = 3 }).Evaluate(tiny.Stage, CancellationToken.None).Values.Single());
    }

    private static IReadOnlyDictionary<string, double> Accuracy(Tiny tiny, params (string Chosen, string Rejected)[] pairs) =>
        new PairAccuracy(new()
        {
            Data = Tiny.Data([.. pairs.Select(pair => new[] { ("prompt", "e"), ("chosen", pair.Chosen), ("rejected", pair.Rejected) })]),
            Split = Split.Train,
            BatchSize = 4,
        }).Evaluate(tiny.Stage, CancellationToken.None);
}
