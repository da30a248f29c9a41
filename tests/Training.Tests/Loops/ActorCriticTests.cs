using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class ActorCriticTests
{
    [Theory]
    [InlineData(CriticKind.Head)]
    [InlineData(CriticKind.Network)]
    public void The_critic_learns_to_predict_the_score(CriticKind kind)
    {
        using var tiny = Run(kind, new ActorCriticLoss(actor: 0), options => options with { Steps = 40, LearningRate = 0.02, Rewards = [Scoring.Part("by-prompt", rollout => rollout.Example.Index % 2)] });
        var losses = tiny.Recorder.Metrics.Select(metrics => metrics["value_loss"]).ToArray();
        Assert.True(losses[^4..].Average() < losses[..4].Average() / 2, $"from {losses[..4].Average()} to {losses[^4..].Average()}");
    }

    [Fact]
    public void A_heads_gradient_reaches_the_policy()
    {
        using var before = new Tiny();
        using var tiny = Run(CriticKind.Head, new ActorCriticLoss(actor: 0));
        Assert.NotEqual(before.Weights, tiny.Weights);
    }

    [Fact]
    public void A_network_of_its_own_leaves_the_policy_alone()
    {
        using var before = new Tiny();
        using var tiny = Run(CriticKind.Network, new ActorCriticLoss(actor: 0));
        Assert.Equal(before.Weights, tiny.Weights);
        Assert.True(tiny.Recorder.Metrics[^1]["critic_grad_norm"] > 0);
    }

    [Theory]
    [InlineData(CriticKind.Head)]
    [InlineData(CriticKind.Network)]
    public void The_policy_learns_too(CriticKind kind)
    {
        using var before = new Tiny();
        using var tiny = Run(kind, new ActorCriticLoss());
        Assert.NotEqual(before.Weights, tiny.Weights);
    }

    [Fact]
    public void The_first_update_is_on_policy_and_the_later_ones_are_not()
    {
        var objective = new ActorCriticLoss();
        Run(CriticKind.Head, objective, options => options with { Steps = 2, EpochsPerBatch = 2, LearningRate = 0.01 });
        Assert.Equal(4, objective.LargestLogRatio.Count);
        Assert.Equal((0, 0), (objective.LargestLogRatio[0], objective.LargestLogRatio[2]));
        Assert.True(objective.LargestLogRatio[1] > 1e-3);
    }

    [Fact]
    public void A_controller_steers_the_coefficient_from_step_to_step()
    {
        using var tiny = Run(CriticKind.Head, new ActorCriticLoss(), options => options with { Steps = 3, KlController = Part<IController>.Of("doubling", new Doubling()) });
        Assert.Equal([0.1, 0.2, 0.4], tiny.Recorder.Metrics.Select(metrics => metrics["kl_coef"]));
    }

    [Fact]
    public void A_critic_gradient_that_is_not_finite_leaves_the_policy_as_it_was()
    {
        using var before = new Tiny();
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => New(tiny, CriticKind.Network, new BrokenValues()).Run(CancellationToken.None));
        Assert.Contains("gradient's norm", error.Message, StringComparison.Ordinal);
        Assert.Equal(before.Weights, tiny.Weights);
    }

    private static Tiny Run(CriticKind kind, ActorCriticObjective objective, Func<ActorCriticOptions, ActorCriticOptions>? change = null)
    {
        var tiny = new Tiny();
        New(tiny, kind, objective, change).Run(CancellationToken.None);
        return tiny;
    }

    private static ActorCritic New(Tiny tiny, CriticKind kind, ActorCriticObjective objective, Func<ActorCriticOptions, ActorCriticOptions>? change = null)
    {
        var options = new ActorCriticOptions
        {
            Objective = Part<ActorCriticObjective>.Of("actor-critic-loss", objective),
            TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
            Advantage = Part<ITokenAdvantage>.Of("rewards-to-come", new RewardsToCome()),
            Critic = kind,
            Rewards = [Scoring.LikesA],
            Sampler = Tiny.Sampler(group: 1),
            Data = Tiny.Words(),
            Steps = 3,
            PromptsPerStep = 8,
            LearningRate = 0.01,
        };
        return new ActorCritic(change?.Invoke(options) ?? options, tiny.Stage);
    }

    private sealed class Doubling : IController
    {
        public string Measures => "mean_kl";

        public double Next(ControlState state) => 2 * state.Value;
    }

    /// <summary>A finite loss whose gradient in the values is not: the root's slope at zero.</summary>
    private sealed class BrokenValues : ActorCriticObjective
    {
        public override Loss Compute(ActorCriticBatch batch) =>
            new((batch.Logps * batch.Mask).sum() + (batch.Values - batch.Values.detach()).pow(2).sum().sqrt());
    }
}
