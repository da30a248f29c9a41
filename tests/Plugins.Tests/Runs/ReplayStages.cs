using System.Text.Json.Nodes;
using Plumbline.Options;

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

    [Fact]
    public void Tables_that_are_no_distribution_are_refused_with_the_manifest()
    {
        var stage = SmallStages.Of("distributional-dp", 2);
        stage["environment"]!["states"]![0]!["actions"]![0]!["outcomes"]![0]!["probability"] = 0.5;
        Assert.Contains("transitions", Assert.Throws<ManifestException>(() => StageRun.Run(stage)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_problem_in_tables_is_planned_exactly_by_an_analysis()
    {
        // Safe 1, or 4 with probability 0.6 and else -3; two decisions. The mean plan gambles twice.
        const string problem = """{ "use": "tabular", "horizon": 2, "view": "time", "states": [ { "actions": [ { "outcomes": [ { "reward": 1 } ] }, { "outcomes": [ { "probability": 0.6, "reward": 4 }, { "probability": 0.4, "reward": -3 } ] } ] } ] }""";
        var told = StageRun.Run(JsonNode.Parse($$"""
            { "use": "analysis", "measures": [
                { "use": "distributional-dp-plan", "name": "mean", "environment": {{problem}}, "utility": "mean", "gamma": 1, "tau": 0.16, "target": 2 },
                { "use": "distributional-dp-plan", "name": "cvar", "environment": {{problem}}, "gamma": 1, "tau": 0.16, "stocks": { "from": -8, "to": 6 } } ] }
            """)!.AsObject()).Steps.Single();
        Assert.Equal(2.4, told["mean_mean"], 1e-9);
        Assert.Equal(-6, told["mean_cvar"], 1e-9);
        Assert.Equal((0.36 * 6) + (0.48 * 1) + (0.16 * 8), told["mean_miss"], 1e-9);
        Assert.Equal(0.36, told["mean_reached"], 1e-9);
        Assert.Equal(2, told["cvar_cvar"], 1e-9);
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
