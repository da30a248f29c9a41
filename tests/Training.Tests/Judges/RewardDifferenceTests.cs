using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class RewardDifferenceTests
{
    [Fact]
    public void The_better_scored_answer_is_preferred_by_the_logistic_of_the_difference()
    {
        var judged = New(new RewardDifferenceOptions { Rewards = [Scoring.Part("length", rollout => rollout.Completion.Length)], Temperature = 2 }).Judge([(Answer(3), Answer(1)), (Answer(1), Answer(3))], Context);
        Assert.Equal([1 / (1 + Math.Exp(-1)), 1 / (1 + Math.Exp(1))], judged.Select(value => value), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void An_answer_of_several_pairs_is_scored_once()
    {
        var scored = 0;
        var (a, b, c) = (Answer(1), Answer(2), Answer(3));
        New(new RewardDifferenceOptions { Rewards = [Scoring.Part("counting", _ => scored++)] }).Judge([(a, b), (b, c), (a, c)], Context);
        Assert.Equal(3, scored);
    }

    [Fact]
    public void An_answer_without_an_end_pays_the_penalty()
    {
        var judged = New(new RewardDifferenceOptions { Rewards = [Scoring.Part("zero", _ => 0)], MissingEosPenalty = 1 }).Judge([(Answer(2), Answer(2) with { Truncated = true })], Context);
        Assert.Equal(1 / (1 + Math.Exp(-1)), judged[0], 12);
    }

    private static RewardContext Context => new(0, 1, new Draws(1));

    private static RewardDifference New(RewardDifferenceOptions options) => new(options, new Tiny.NoServices());

    private static Rollout Answer(int length) => new()
    {
        Example = new Example(0, []),
        GroupId = 0,
        Sample = 0,
        Prompt = [1],
        Completion = new int[length],
        Logps = new float[length],
        Text = string.Empty,
        Truncated = false,
    };
}
