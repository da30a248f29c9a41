using Plumbline.Training;

namespace Plumbline.Tests;

/// <summary>An epoch whose rewards hold no information is diagnosed by name.</summary>
public sealed class EqualRewardsTests
{
    [Fact]
    public void A_reward_that_never_differs_is_diagnosed_once()
    {
        var diagnosis = Assert.Single(Groups(Scoring.Part("zero", _ => 0), steps: 6));
        Assert.Equal("equal-rewards", diagnosis.Name);
        Assert.Contains("over a whole epoch of 8 prompts", diagnosis.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_epoch_cut_short_is_diagnosed_at_the_stages_end() =>
        Assert.Contains("all the 4 prompts", Assert.Single(Groups(Scoring.Part("zero", _ => 0), steps: 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void One_differing_group_an_epoch_is_enough()
    {
        Assert.Empty(Groups(Scoring.Part("rare", rollout => rollout.GroupId == 1 && rollout.Example.Index == 3 ? rollout.Sample : 0), steps: 0));
        Assert.Empty(Groups(Scoring.Part("rare", rollout => rollout.Example.Index == 3 ? rollout.Sample : 0), steps: 2));
    }

    [Fact]
    public void In_a_groups_loop_differences_between_groups_teach_nothing() =>
        Assert.Single(Groups(Scoring.Part("by-prompt", rollout => rollout.Example.Index), steps: 2));

    [Fact]
    public void A_row_without_a_score_is_no_difference() =>
        Assert.Single(Groups(Part<IReward>.Of("partial", new Partial()), steps: 2));

    [Fact]
    public void With_a_critic_differences_between_prompts_are_enough() =>
        Assert.Empty(Critic(Scoring.Part("by-prompt", rollout => rollout.Example.Index)));

    [Fact]
    public void With_a_critic_equal_rewards_of_all_prompts_are_diagnosed()
    {
        var diagnosis = Assert.Single(Critic(Scoring.Part("one", _ => 1)));
        Assert.Equal("equal-rewards", diagnosis.Name);
        Assert.Contains("every reward was equal over a whole epoch", diagnosis.Message, StringComparison.Ordinal);
    }

    private static List<Diagnosis> Groups(Part<IReward> reward, int steps)
    {
        using var tiny = new Tiny();
        new OnlineGroups(
            new OnlineGroupsOptions
            {
                Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient()),
                Advantage = Part<IGroupAdvantage>.Of("less-group-mean", new LessGroupMean()),
                Rewards = [reward],
                Sampler = Tiny.Sampler(),
                Data = Tiny.Words(),
                Steps = steps,
                PromptsPerStep = 4,
            },
            tiny.Stage).Run(CancellationToken.None);
        return tiny.Recorder.Diagnoses;
    }

    private static List<Diagnosis> Critic(Part<IReward> reward)
    {
        using var tiny = new Tiny();
        new ActorCritic(
            new ActorCriticOptions
            {
                Objective = Part<ActorCriticObjective>.Of("actor-critic-loss", new ActorCriticLoss()),
                TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
                Advantage = Part<ITokenAdvantage>.Of("rewards-to-come", new RewardsToCome()),
                Rewards = [reward],
                Sampler = Tiny.Sampler(group: 1),
                Data = Tiny.Words(),
                Steps = 8,
                PromptsPerStep = 1,
            },
            tiny.Stage).Run(CancellationToken.None);
        return tiny.Recorder.Diagnoses;
    }

    private sealed class Partial : IReward
    {
        public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context) =>
            new([.. rollouts.Select(_ => 1.0)]) { Scored = [.. rollouts.Select(rollout => rollout.Sample > 0)] };
    }
}
