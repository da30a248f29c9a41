using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>The loop of agents with what other loops' methods bring.</summary>
public sealed class AgentStages
{
    public static TheoryData<string> GroupMethods => [.. StageRun.Parts.Ids(Kinds.Algorithm)
        .Where(id => StageRun.Parts.Find(Kinds.Algorithm, id) is { Loop: Loop.OnlineGroups, Slot: Kinds.Objective }).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(GroupMethods))]
    public void Every_method_on_groups_learns_from_turns(string id)
    {
        var stage = SmallStages.OfLoop(Loop.AgentRollouts, steps: 4);
        stage["objective"] = id;
        stage["minibatches"] = 2;
        stage["learning_rate"] = 0.01;
        var own = SmallStages.Of(id, steps: 4);
        if (own["measure_initial_entropy"] is { } measured)
        {
            stage["objective"] = new JsonObject { ["use"] = id, ["measure_initial_entropy"] = measured.DeepClone() };
        }

        var told = StageRun.Run(stage);
        Assert.Equal(4, told.Steps.Count);
        Assert.All(told.Steps, metrics => Assert.True(double.IsFinite(metrics["loss"])));
        Assert.Contains(told.Steps, metrics => metrics["grad_norm"] > 0);
    }

    [Fact]
    public void Advantages_of_several_papers_are_a_chain()
    {
        var stage = SmallStages.OfLoop(Loop.AgentRollouts, steps: 4);
        stage["objective"] = new JsonObject { ["use"] = "grpo", ["beta"] = 0.04 };
        stage["advantages"] = new JsonArray("gigpo", new JsonObject { ["use"] = "salt", ["history"] = 1 });
        stage["controllers"] = new JsonArray(new JsonObject { ["of"] = "beta", ["by"] = new JsonObject { ["use"] = "adaptive-kl", ["metric"] = "kl" } });
        stage["terms"] = new JsonArray("entropy-bonus");
        stage["learning_rate"] = 0.01;
        stage["epochs_per_batch"] = 2;
        var told = StageRun.Run(stage);
        Assert.All(told.Steps, metrics => Assert.True(metrics.ContainsKey("step_advantages") && metrics.ContainsKey("shared") && metrics.ContainsKey("beta")));
    }

    [Fact]
    public void Free_replies_are_learnt_from_too()
    {
        var stage = SmallStages.OfLoop(Loop.AgentRollouts, steps: 4);
        stage["objective"] = "gigpo";
        stage["agent"] = new JsonObject { ["action_prefix"] = "k", ["observation_prefix"] = "l", ["replies"] = "free", ["max_reply_tokens"] = 3 };
        var told = StageRun.Run(stage);
        Assert.All(told.Steps, metrics => Assert.True(metrics["invalid_share"] > 0 && metrics["sampler_gap"] < 1e-5));
    }
}
