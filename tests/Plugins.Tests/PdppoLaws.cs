using Plumbline.Plugins.Pdppo;
using Plumbline.Plugins.Ppo;
using Plumbline.Training;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class PdppoLaws
{
    private static readonly string[] Grid = ["SFFF", "FHFH", "FFFH", "HFFG"];

    [Fact]
    public void With_one_component_and_no_entropy_the_policy_loss_is_ppos() => Given.AnyBatch(random =>
    {
        var mask = ones([6, 1], float64);
        var (logps, old, advantages) = (random.Logps(mask).requires_grad_(), random.Logps(mask), random.Normal(1, 6));
        var zero = zeros(6, float64);
        var mine = Pdppo.Loss(logps, old, zeros_like(logps), advantages, zero, zero, zero, new PdppoOptions());
        var ppo = Ppo.PolicyLoss(logps, old, advantages.unsqueeze(1), mask, new PpoOptions());
        Given.Same(ppo.Value, mine.Tensor("policy_loss"));
        Given.Same(ppo.GradientOf(logps), mine.GradientOf(logps));
        Given.Same(ppo.Tensor("clip_fraction"), mine.Tensor("clip_fraction"));
    });

    [Fact]
    public void In_a_stage_padding_counts_for_nothing() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(3, 4);
        var padding = (1 - mask) * 7;
        var batch = new ActorCriticBatch { ["mask"] = mask };
        foreach (var name in new[] { "component_logps", "old_component_logps", "component_entropies" })
        {
            batch.With(name, random.Normal(0.3, 3, 4, 2));
        }

        foreach (var name in new[] { "advantages", "values", "post_values", "returns", "post_returns" })
        {
            batch.With(name, random.Normal(1, 3, 4));
        }

        var clean = new Pdppo(new PdppoOptions { Critic = CriticLoss.Separate }).Compute(batch).Value;
        foreach (var name in new[] { "advantages", "values", "post_values", "returns", "post_returns" })
        {
            batch.With(name, batch[name] + padding);
        }

        batch.With("component_logps", batch["component_logps"] + padding.unsqueeze(2));
        Given.Same(clean, new Pdppo(new PdppoOptions { Critic = CriticLoss.Separate }).Compute(batch).Value);
    });

    [Fact]
    public void At_a_tie_of_both_critics_each_takes_half_of_the_gradient() => Given.AnyBatch(random =>
    {
        var (values, returns, logps) = (random.Normal(1, 4).requires_grad_(), random.Normal(1, 4), zeros([4, 1], float64));
        var post = values.detach().clone().requires_grad_();
        foreach (var critic in new[] { CriticLoss.Min, CriticLoss.Max })
        {
            var loss = Pdppo.Loss(logps, logps, logps, zeros(4, float64), values, post, returns, new PdppoOptions { Critic = critic, VfCoef = 1 });
            Given.Same((values - returns).detach() / 4, loss.GradientOf(values));
            Given.Same(loss.GradientOf(values), loss.GradientOf(post));
        }
    });

    [Fact]
    public void The_advantage_of_the_state_is_ppos_with_the_returns_as_they_came() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (rewards, values) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6));
        var batch = new Batch { ["token_rewards"] = rewards, ["values"] = values, ["post_values"] = random.Normal(1, 4, 6), ["mask"] = mask };
        if (mask.sum().ToDouble() < 2)
        {
            return;
        }

        var mine = new PostDecision(new PostDecisionOptions { Advantage = PostDecisionAdvantage.State, Normalize = false, Gamma = 0.9 }).Compute(batch);
        var gae = new Gae(new GaeOptions { Gamma = 0.9, Lam = 1, WhitenAdvantages = false }).Compute(batch);
        Given.Same(gae.Tensor("advantages"), mine.Tensor("advantages"));
        Given.Same(gae.Tensor("returns"), mine.Tensor("returns"));
    });

    [Fact]
    public void Blended_by_0_or_1_it_is_one_of_both() => Given.AnyBatch(random =>
    {
        var (returns, values, post, certain) = (random.Normal(1, 5), random.Normal(1, 5), random.Normal(1, 5), random.Normal(1, 5));
        Tensor Of(PostDecisionAdvantage advantage, double blend) =>
            PostDecision.Advantages(returns, values, post, new PostDecisionOptions { Advantage = advantage, Blend = blend }, certain).Tensor("advantages");
        Given.Same(Of(PostDecisionAdvantage.State, 0.5), Of(PostDecisionAdvantage.Blend, 0));
        Given.Same(Of(PostDecisionAdvantage.PostDecision, 0.5), Of(PostDecisionAdvantage.Blend, 1));
        Assert.Contains("deterministic_rewards", Assert.Throws<InvalidInputException>(() =>
            PostDecision.Advantages(returns, values, post, new PostDecisionOptions { Advantage = PostDecisionAdvantage.PostDecision })).Message, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_nothing_is_left_to_chance_and_the_critics_are_exact_the_post_decision_advantage_is_the_returns_less_the_value(bool normalize) => Given.AnyBatch(random =>
    {
        // All of the reward is certain and the state after the decision is the next one, so Q is the return.
        var mask = ones([3, 5], float64);
        var rewards = random.Normal(1, 3, 5);
        var options = new PostDecisionOptions { Advantage = PostDecisionAdvantage.PostDecision, Normalize = normalize, Gamma = 0.9 };
        var batch = new Batch { ["token_rewards"] = rewards, ["deterministic_rewards"] = rewards, ["values"] = zeros_like(mask), ["post_values"] = zeros_like(mask), ["mask"] = mask };
        var returned = new PostDecision(options).Compute(batch);
        var values = random.Normal(1, 3, 5);
        var mine = new PostDecision(options).Compute(batch.With("post_values", returned.Tensor("post_returns")).With("values", values)).Tensor("advantages");
        Given.Same(returned.Tensor("returns") - values, mine);
    });

    [Fact]
    public void Idle_machines_make_nothing_and_cost_nothing() => Given.AnyBatch(random =>
    {
        var (inventory, setup) = (random.Normal(3, 2, 4).abs(), tensor(new long[] { 1, 4, 0, 2, 3, 0 }, [2, 3]));
        var after = LotSizing.PostState(inventory, setup, zeros_like(setup), random.Normal(1, 3, 4), random.Normal(1, 3, 4), random.Normal(1, 3, 4));
        Given.Same(inventory, after.Tensor("post_inventory"));
        Given.Same(zeros(2, float64), after.Tensor("setup_cost"));
        Assert.Equal(0, after.Tensor("post_setup").sum().ToInt64());
    });

    [Fact]
    public void Without_demand_no_sale_is_lost() => Given.AnyBatch(random =>
    {
        var stored = random.Normal(3, 4).abs();
        var result = LotSizing.Demand(stored, zeros(4, float64), full(4, 2.0, float64), random.Normal(1, 4).abs(), random.Normal(1, 4).abs(), zeros([], float64));
        Given.Same(0, result.Tensor("lost_sales_cost"));
        Given.Same(stored.clamp_max(2), result.Tensor("inventory"));
    });

    [Fact]
    public void The_lakes_probabilities_sum_to_1_and_without_slipping_lie_on_the_cell_after_the_move() => Given.AnyBatch(random =>
    {
        var tiles = random.Normal(1, 4, 4, 4).softmax(-1);
        var (state, action) = (random.Next(16), random.Next(4));
        var slippery = FrozenLake.Move(Grid, state, action, tiles, new FrozenLakeMoveOptions { Slip = random.NextDouble() });
        Given.Same(1, slippery.Tensor("probabilities").sum());
        var sure = FrozenLake.Move(Grid, state, action, tiles, new FrozenLakeMoveOptions { Slip = 0 });
        Given.Same(1, sure.Tensor("probabilities")[(int)sure["post_state"]]);
        Assert.Equal(sure["post_state"], slippery["post_state"]);
    });

    [Fact]
    public void What_can_not_be_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var tiles = full([4, 4, 4], 0.25, float64);
        Refused("state", () => FrozenLake.Move(Grid, 16, 0, tiles, new FrozenLakeMoveOptions()));
        Refused("grid", () => FrozenLake.Move(["SF", "FF"], 0, 0, tiles, new FrozenLakeMoveOptions()));
        Refused("grid", () => FrozenLake.Move(["GF", "FG"], 0, 0, tiles, new FrozenLakeMoveOptions()));
        Refused("rewards", () => PostDecision.Returns(ones(1, float64), ones(1, float64), new ReturnOptions()));
        Refused("post_returns", () => Pdppo.Loss(zeros([2, 1], float64), zeros([2, 1], float64), zeros([2, 1], float64), zeros(2, float64), zeros(2, float64), zeros(2, float64), zeros(2, float64), new PdppoOptions { Critic = CriticLoss.Separate }));

        static void Refused(string name, Func<object> call) => Assert.Contains(name, Assert.Throws<InvalidInputException>(call).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_the_lake_a_step_leads_where_the_probabilities_say()
    {
        using var scope = NewDisposeScope();
        var lake = new FrozenLake(new FrozenLakeOptions { Slip = 0.6 }, Runs.DecisionRuns.NewRun());
        const int episodes = 4000;
        var walkers = (IPostDecisionEpisodes)lake.Reset(episodes, new Draws(3));
        var right = full([episodes, 1], 2L, int64);
        var (post, certain) = walkers.PostDecision(right);
        var outcome = walkers.Step(right);
        Assert.All(post.argmax(1).data<long>().ToArray(), cell => Assert.Equal(1, cell));
        // Cell 1 lies 5 steps from the goal.
        Given.Same(full(episodes, 1.0 / 6, float64), certain);
        var share = walkers.Observations.mean([0]);
        Assert.Equal(1, share.sum().ToDouble(), 1e-9);
        // It stays, or slides to 0, 5 (a hole), 2, or against the upper wall.
        Assert.All(new[] { 0, 1, 2, 5 }, cell => Assert.True(share[cell].ToDouble() > 0.02));
        Assert.Equal(share[5].ToDouble(), outcome.Terminated.to_type(float64).mean().ToDouble(), 1e-9);
        Assert.Equal(0, outcome.Truncated.sum().ToInt64());
    }

    [Fact]
    public void In_the_factory_what_is_certain_and_what_is_left_to_chance_make_the_reward()
    {
        using var scope = NewDisposeScope();
        var options = new LotSizingOptions { Horizon = 3 };
        var run = Runs.DecisionRuns.NewRun();
        IPostDecisionEpisodes Quiet(double probability) => (IPostDecisionEpisodes)new LotSizing(options with { DemandProbability = probability }, run).Reset(5, new Draws(2));
        var episodes = Quiet(0);
        var actions = ones([5, 3], int64);
        var (post, certain) = episodes.PostDecision(actions);
        var outcome = episodes.Step(actions);
        // Nobody asks for anything: all that is lost beside the setups is what the stores cost.
        Assert.True((outcome.Rewards - certain).max().ToDouble() <= 0);
        Given.Same(post.narrow(1, 6, 21), episodes.Observations.narrow(1, 6, 21));
        Given.Same(post.narrow(1, 0, 6).clamp(0, 1), episodes.Observations.narrow(1, 0, 6));
        Assert.True(Quiet(1).Step(actions).Rewards.mean().ToDouble() < outcome.Rewards.mean().ToDouble());
        episodes.Step(actions);
        Assert.True(episodes.Step(actions).Truncated.all().ToBoolean());
        Given.Same(zeros(5, float64), episodes.Step(actions).Rewards);
    }
}
