using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

public sealed class ReplayStages
{
    [Fact]
    public void The_chance_of_an_action_at_random_falls_in_a_line_and_stays()
    {
        var told = StageRun.Run(With(SmallStages.Of("distributional-dp", 8), ("epsilon_fraction", 0.5), ("epsilon_to", 0.2)));
        Assert.Equal([1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2, 0.2], told.Steps.Select(metrics => Math.Round(metrics["epsilon"], 9)));
    }

    [Fact]
    public void The_past_is_kept_up_to_its_capacity()
    {
        var told = StageRun.Run(With(SmallStages.Of("distributional-dp", 8), ("capacity", 10)));
        Assert.True(told.Steps[0]["replay"] >= 8);
        Assert.Equal(10, told.Steps[^1]["replay"]);
    }

    [Fact]
    public void Without_chance_the_values_of_a_chain_are_learnt_exactly()
    {
        // One action, three rewards of 1: the first state is worth 3.
        const string chain = """{ "use": "tabular", "horizon": 3, "view": "time", "states": [ { "actions": [ { "outcomes": [ { "reward": 1 } ] }, { "outcomes": [ { "reward": 1 } ] } ] } ] }""";
        var stage = JsonNode.Parse($$"""
            { "use": "distributional-dp", "utility": "mean", "gamma": 1, "environment": {{chain}}, "steps": 150, "learning_rate": 0.02, "episodes": 4, "batch_size": 16, "target_every": 10,
              "model": { "use": "value-mlp", "environment": {{chain}}, "particles": 2, "hidden": [16] } }
            """)!.AsObject();
        var model = stage["model"]!.DeepClone().AsObject();
        stage.Remove("model");
        var told = StageRun.Run(stage, model: model);
        Assert.Equal(3, told.Steps[^1]["episode_return"]);
        // What was gained and what is still to come is the same at every step.
        Assert.InRange(told.Steps.TakeLast(10).Average(metrics => metrics["utility"]), 2.9, 3.1);
        Assert.True(told.Steps[^1]["loss"] < 0.01);
    }

    [Fact]
    public void A_network_that_is_not_shown_the_stock_is_refused_where_it_matters()
    {
        var stage = SmallStages.Of("distributional-dp", 2);
        var model = SmallStages.Model(stage)!;
        model.Remove("stock_scale");
        Assert.Contains("stock", Assert.Throws<PlumblineException>(() => StageRun.Run(stage, model: model)).Message, StringComparison.Ordinal);
        stage["utility"] = "mean";
        Assert.Equal(2, StageRun.Run(stage, model: model).Steps.Count);
    }

    private static JsonObject With(JsonObject stage, params (string Name, JsonNode Value)[] options)
    {
        foreach (var (name, value) in options)
        {
            stage[name] = value;
        }

        return stage;
    }
}
