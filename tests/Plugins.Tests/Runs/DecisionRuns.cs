using System.Text.Json.Nodes;
using Plumbline.Plugins.DecisionMlp;
using Plumbline.Plugins.PointMass;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>The loop over episodes of decision problems: what it promises, whatever learns in it.</summary>
public sealed class DecisionRuns
{
    private const string Point = """{ "use": "point-mass", "horizon": 8 }""";

    [Fact]
    public void The_same_seed_gives_the_same_metrics_and_another_seed_others()
    {
        var (first, second, other) = (Run("mdpo"), Run("mdpo"), StageRun.Run(Stage("mdpo"), seed: 6));
        Assert.Equal(first.Lines, second.Lines);
        Assert.NotEqual(first.Lines.First(), other.Lines.First());
    }

    [Fact]
    public void The_first_update_is_on_policy_and_the_divergence_of_later_ones_is_exact_and_positive()
    {
        var once = Run("mdpo", """{ "epochs_per_batch": 1, "steps": 2 }""");
        Assert.All(once.Steps, metrics => Assert.Equal(0, metrics["mean_kl"], 1e-12));
        Assert.All(Run("mdpo").Steps, metrics => Assert.True(metrics["mean_kl"] > 0));
    }

    [Fact]
    public void The_step_size_follows_the_stages_steps()
    {
        var told = Run("mdpo", """{ "steps": 4 }""");
        Assert.Equal([1, 0.75, 0.5, 0.25], told.Steps.Select(metrics => metrics["step_size"]));
    }

    [Fact]
    public void Minibatches_of_episodes_keep_the_distributions_that_acted()
    {
        // With a step so small that the policy hardly moves, every minibatch must find nearly no divergence.
        var told = Run("mdpo", """{ "minibatches": 2, "epochs_per_batch": 1, "learning_rate": 1e-9, "steps": 3 }""");
        Assert.All(told.Steps, metrics => Assert.InRange(metrics["mean_kl"], -1e-12, 1e-9));
    }

    [Fact]
    public void Ppo_runs_in_the_same_loop_and_its_own_loss_trains_the_critic()
    {
        var told = Run("environment", """{ "objective": { "use": "ppo", "entropy_coef": 0.01 }, "critic_epochs": 0, "epochs_per_batch": 3, "minibatches": 2 }""", Point);
        Assert.All(told.Steps, metrics => Assert.True(metrics["critic_grad_norm"] > 0 && metrics["value_loss"] > 0));
    }

    [Fact]
    public void A_term_trains_the_critic_of_an_objective_that_has_no_loss_for_it_and_without_one_the_stage_is_refused()
    {
        var told = Run("mdpo", """{ "critic_epochs": 0, "critic_batch_size": null, "critic_clip_range": null, "terms": [{ "use": "value-loss", "vf_coef": 1.0 }] }""");
        Assert.All(told.Steps, metrics => Assert.True(metrics["critic_grad_norm"] > 0 && metrics["value-loss/value_loss"] > 0));
        var error = Assert.Throws<PlumblineException>(() => Run("mdpo", """{ "critic_epochs": 0, "critic_batch_size": null, "critic_clip_range": null }"""));
        Assert.Contains("nothing trains the critic", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_critic_that_is_fitted_by_itself_comes_to_know_the_returns()
    {
        var told = Run("mdpo", """{ "learning_rate": 1e-9, "critic_learning_rate": 0.03, "critic_epochs": 40, "critic_batch_size": null, "critic_clip_range": null, "episodes": 16, "steps": 8 }""");
        Assert.True(told.Steps[^1]["explained_variance"] > 0.5, $"{told.Steps[^1]["explained_variance"]}");
    }

    [Fact]
    public void Both_critics_learn_by_themselves_too_and_two_kinds_of_advantage_take_part()
    {
        foreach (var advantage in new[] { """{ "use": "pdppo", "advantage": "post_decision" }""", "\"gae\"" })
        {
            var told = Run("pdppo", "{ \"critic_epochs\": 2, \"critic\": \"separate\", \"advantage\": " + advantage + " }");
            Assert.All(told.Steps, metrics => Assert.True(metrics["critic_loss"] > 0 && metrics["post_critic_loss"] > 0));
        }
    }

    [Fact]
    public void A_method_that_wants_states_after_decisions_is_refused_where_there_are_none()
    {
        var error = Assert.Throws<PlumblineException>(() => Run("pdppo", "{}", Point));
        Assert.Contains("post_values", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_policy_built_for_another_problem_is_refused()
    {
        var error = Assert.Throws<PlumblineException>(() => Run("mdpo", """{ "environment": "lot-sizing" }"""));
        Assert.Contains("2 numbers", error.Message, StringComparison.Ordinal);
        Assert.Contains("choices 7, 7, 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_chooses_among_the_episodes()
    {
        var told = Run("environment", """{ "objective": "mdpo", "filter": { "use": "pf-ppo" }, "critic_epochs": 1, "episodes": 8 }""", Point);
        Assert.All(told.Steps, metrics => Assert.InRange(metrics["kept"], 0.01, 1));
    }

    [Fact]
    public void A_controller_steers_the_step_size()
    {
        var told = Run("mdpo", """{ "controllers": [{ "of": "step_size", "by": { "use": "grpo-d", "beta_min": 0.1, "beta_max": 0.9 } }], "epochs_per_batch": 1, "steps": 4 }""");
        Assert.Equal(0.5, told.Steps[0]["step_size"]);
        Assert.True(told.Steps[1]["step_size"] < 0.5);
    }

    [Fact]
    public void Rewards_that_are_all_equal_are_a_finding()
    {
        var told = Run("environment", """{ "objective": "mdpo", "critic_epochs": 1, "environment": "dull", "learning_rate": 0.001 }""", "\"dull\"");
        Assert.Equal("equal-rewards", Assert.Single(told.Diagnoses, diagnosis => diagnosis.Name == "equal-rewards").Name);
    }

    [Fact]
    public void Mdpo_learns_from_sequences_too()
    {
        var told = StageRun.Run(JsonNode.Parse(
            """
            { "use": "actor-critic", "objective": "mdpo", "terms": ["value-loss"], "advantage": { "use": "mdpo", "gamma": 1.0 }, "data": "small", "rewards": ["small-reward"],
              "prompts_per_step": 16, "epochs_per_batch": 4, "sampler": { "max_new_tokens": 5 }, "steps": 12, "learning_rate": 0.01, "sample_every": 0, "token_reward": { "use": "kl-penalty", "kl_coef": 0.0 } }
            """)!.AsObject());
        Assert.Equal(1, told.Steps[0]["step_size"]);
        Assert.Equal(1.0 / 12, told.Steps[^1]["step_size"], 1e-12);
        Assert.True(told.Steps[^1]["reward_mean"] > told.Steps[0]["reward_mean"]);
        Assert.All(told.Steps, metrics => Assert.True(metrics["critic_grad_norm"] > 0));
    }

    [Fact]
    public void An_episode_depends_on_its_own_key_alone()
    {
        using var scope = NewDisposeScope();
        var environment = new PointMass(new PointMassOptions { Horizon = 3 });
        var (few, many) = (environment.Reset(2, new Draws(9)), environment.Reset(5, new Draws(9)));
        Given.Same(few.Observations, many.Observations.narrow(0, 0, 2));
        var push = full([5, 2], 5.0, float64);
        var (rewards, more) = (few.Step(push.narrow(0, 0, 2)).Rewards, many.Step(push).Rewards);
        Given.Same(rewards, more.narrow(0, 0, 2));
        // A push is clipped: speed 0.2, and a tenth of that further on.
        Given.Same(full([2, 2], 0.2, float64), few.Observations.narrow(1, 2, 2));
        var policy = Policy(environment);
        var (two, five) = (policy.Act(few.Observations).Sample(new Draws(4)), policy.Act(many.Observations).Sample(new Draws(4)));
        Given.Same(two, five.narrow(0, 0, 2));
    }

    [Fact]
    public void A_policys_distributions_are_what_they_draw()
    {
        using var scope = NewDisposeScope();
        const int rows = 4000;
        var logits = tensor(new[] { 0.0, 1.0, -1.0 }).expand(rows, 3);
        var choices = new CategoricalActions([logits, -logits]);
        var drawn = choices.Sample(new Draws(8));
        for (var choice = 0; choice < 3; choice++)
        {
            var share = drawn.select(1, 0).eq(choice).to_type(float64).mean().ToDouble();
            Assert.Equal(choices.LogProbabilities[0][0, choice].exp().ToDouble(), share, 0.03);
        }

        Given.Same(cat([choices.LogProbabilities[0].gather(1, drawn.narrow(1, 0, 1)), choices.LogProbabilities[1].gather(1, drawn.narrow(1, 1, 1))], 1), choices.Logps(drawn));
        Assert.Equal([1, 2], choices.Mode[0].data<long>().ToArray());
        var gaussian = new GaussianActions(zeros([rows, 2], float64) + 0.5, tensor(new[] { -1.0, 0.3 }));
        var points = gaussian.Sample(new Draws(8));
        Assert.Equal(0.5, points.mean().ToDouble(), 0.05);
        Assert.Equal(Math.Exp(0.3), (points.select(1, 1) - 0.5).square().mean().sqrt().ToDouble(), 0.05);
        Assert.Equal(-gaussian.Entropies[0, 0].ToDouble(), gaussian.Logps(points).mean().ToDouble(), 0.05);
        var some = tensor(new long[] { 3, 1 });
        Given.Same(gaussian.Logps(points).index_select(0, some), gaussian.Rows(some).Logps(points.index_select(0, some)));
        Given.Same(choices.Logps(drawn).index_select(0, some), choices.Rows(some).Logps(drawn.index_select(0, some)));
        Assert.Null(choices.Kl(gaussian));
    }

    [Fact]
    public void A_frozen_policy_stays_as_it_was()
    {
        using var scope = NewDisposeScope();
        var environment = new PointMass(new PointMassOptions());
        var policy = Policy(environment, zeroHead: false);
        var frozen = (IDecisionModel)policy.Freeze();
        var seen = ones([1, 4], float64);
        var before = frozen.Act(seen).Mode;
        Given.Same(policy.Act(seen).Mode, before);
        using (no_grad())
        {
            foreach (var parameter in policy.Network.parameters())
            {
                parameter.add_(1);
            }
        }

        Given.Same(before, frozen.Act(seen).Mode);
        Assert.All(frozen.Network.parameters(), parameter => Assert.False(parameter.requires_grad));
    }

    internal static RunContext NewRun() => new() { Name = "test", Folder = Path.GetTempPath(), BaseFolder = Path.GetTempPath(), Seed = 4, Device = CPU, Dtype = ScalarType.Float64 };

    private static DecisionMlp Policy(IVectorEnvironment environment, bool zeroHead = true) =>
        new(new DecisionMlpOptions { Environment = Part<IVectorEnvironment>.Of("given", environment), Hidden = [8], ZeroHead = zeroHead }, NewRun(), new NoServices());

    private static StageRun.Told Run(string use, string more = "{}", string? environment = null)
    {
        var stage = Stage(use);
        if (environment is not null)
        {
            stage["environment"] = JsonNode.Parse(environment);
        }

        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject())
        {
            stage[key] = value?.DeepClone();
        }

        return environment is null ? StageRun.Run(stage) : StageRun.Run(stage, model: new JsonObject { ["use"] = "decision-mlp", ["environment"] = JsonNode.Parse(environment), ["hidden"] = new JsonArray(8) });
    }

    private static JsonObject Stage(string use) => use == "environment" ? SmallStages.OfLoop(use, 3) : SmallStages.Of(use, 3);

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}

/// <summary>A problem in which nothing matters.</summary>
[Environment("dull")]
public sealed class Dull : IVectorEnvironment
{
    public int ObservationSize => 1;

    public ActionSpace Actions { get; } = ActionSpace.Discrete(2);

    public int Horizon => 3;

    public IVectorEpisodes Reset(int episodes, Draws draws) => new Nothing(episodes);

    private sealed class Nothing(int episodes) : IVectorEpisodes
    {
        private int _step;

        public Tensor Observations => zeros([episodes, 1], float64);

        public VectorOutcome Step(Tensor actions) => new(ones(episodes, float64), zeros(episodes, ScalarType.Bool), full(episodes, ++_step >= 3, ScalarType.Bool));
    }
}
