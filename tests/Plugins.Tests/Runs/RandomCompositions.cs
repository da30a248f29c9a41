using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>Parts compose freely: stages put together by lot from everything there is, each run for three steps.</summary>
/// <remarks>A new loop, method, term, scheduler or controller takes part without a list edited: slots and what fits into them follow from the types.</remarks>
public sealed class RandomCompositions
{
    private static readonly PartDescriptor[] Loops = [.. StageRun.Parts.Ids(Kinds.Loop).Order(StringComparer.Ordinal).Select(id => StageRun.Parts.Find(Kinds.Loop, id)!)];

    public static TheoryData<int> Lots => [.. Enumerable.Range(0, 20)];

    [Theory]
    [MemberData(nameof(Lots))]
    public void Parts_put_together_by_lot_run(int lot)
    {
        var stage = Compose(new Draws(77).Key(lot));
        try
        {
            var told = StageRun.Run(stage);
            Assert.Equal(3, told.Steps.Count);
            Assert.All(told.Steps, metrics => Assert.True(double.IsFinite(metrics["loss"])));
        }
        catch (PlumblineException refused)
        {
            Assert.Fail($"{stage.ToJsonString()}\n{refused.Message}");
        }
    }

    [Fact]
    public void The_lots_reach_every_kind_of_slot()
    {
        var slots = Enumerable.Range(0, 20).Select(lot => Compose(new Draws(77).Key(lot))).SelectMany(stage => stage.Select(pair => pair.Key)).ToHashSet();
        Assert.Superset(new HashSet<string> { "objective", "advantage", "terms", "controllers", "rewards" }, slots);
    }

    [Fact]
    public void One_papers_budget_runs_with_anothers_objective_and_a_steered_pull_towards_the_reference()
    {
        var told = StageRun.Run(JsonNode.Parse(
            """
            { "use": "online-groups", "objective": "gtpo", "scheduler": { "use": "knapsack-rl", "rollouts_per_prompt": 3 },
              "terms": [{ "use": "reference-kl", "kl_coef": 0.1 }],
              "controllers": [{ "of": "kl_coef", "by": { "use": "adaptive-kl", "metric": "reference-kl/mean_kl", "horizon": 100 } }],
              "data": "small", "rewards": ["small-verdict"], "sampler": { "group_size": 3, "max_new_tokens": 4 }, "prompts_per_step": 4, "steps": 8, "learning_rate": 0.01 }
            """)!.AsObject());
        Assert.All(told.Steps, metrics => Assert.True(metrics.ContainsKey("scheduler/useful_rollouts") && metrics.ContainsKey("conflict_count") && metrics.ContainsKey("reference-kl/mean_kl")));
        // The divergence begins at 0, below its target: the coefficient falls.
        Assert.Equal(0.1, told.Steps[0]["kl_coef"]);
        Assert.True(told.Steps[^1]["kl_coef"] < 0.1);
    }

    private static JsonObject Compose(Draws draws)
    {
        var algorithms = StageRun.Parts.Ids(Kinds.Algorithm).Order(StringComparer.Ordinal).ToArray();
        var algorithm = StageRun.Parts.Find(Kinds.Algorithm, Pick(algorithms, draws.Key("algorithm")))!;
        var loop = Loops.Single(loop => loop.Id == algorithm.Loop);
        var stage = SmallStages.Of(algorithm.Id, steps: 3);
        var slots = OptionDescription.Of(loop.OptionsType!).Where(option => option.SlotKind is not null).ToDictionary(option => option.Name);
        if (slots.TryGetValue("objective", out var objectiveSlot) && algorithm.Slot == "objective" && draws.Key("replace").Uniform() < 0.5)
        {
            // The loop itself, with any objective that fits.
            var fitting = Fitting(objectiveSlot).Where(id => !StageRun.Parts.Ids(Kinds.Algorithm).Contains(id) || StageRun.Parts.Find(Kinds.Algorithm, id)!.Loop == loop.Id).ToArray();
            stage = SmallStages.OfLoop(loop.Id, steps: 3);
            stage["objective"] = Pick(fitting, draws.Key("objective"));
        }

        var objective = Made(slots, stage, algorithm);
        var terms = Maybe(0.5, "terms") && slots.TryGetValue("terms", out var termSlot)
            ? Fitting(termSlot).Where(id => !StageRun.Parts.Ids(Kinds.Algorithm).Contains(id)).ToArray() : [];
        var term = terms.Length > 0 ? Pick(terms, draws.Key("term")) : null;
        if (term is not null)
        {
            stage["terms"] = new JsonArray(term);
        }

        Steer(stage, draws, [objective, term is null ? null : Make(term)]);
        foreach (var (name, slot) in slots.Where(pair => pair.Key is not ("objective" or "terms" or "rewards" or "token_reward")
            && pair.Value.SlotKind is not (Kinds.Data or Kinds.Judge or Kinds.Sampler or Kinds.Model or Kinds.Environment or Kinds.Search or Kinds.Tool)))
        {
            var fitting = Fitting(slot);
            if (fitting.Length == 0 || stage.ContainsKey(name) || !Maybe(0.6, name) || (name is "advantage" or "advantages" && objective?.Needs.HasFlag(Needs.Rewards) == true) || algorithm.Slot == name)
            {
                continue;
            }

            var list = OptionDescription.ElementOf(slot.Property.PropertyType) is not null;
            if (!algorithm.Defaults.Any(@default => @default.Path == name))
            {
                JsonNode part = Pick(fitting, draws.Key(name));
                stage[name] = list ? new JsonArray(part) : part;
            }
        }

        if (stage.ContainsKey("rewards") && slots["rewards"].Property.PropertyType == typeof(IReadOnlyList<Part<IReward>>))
        {
            stage["rewards"] = Maybe(0.3, "two") && !SmallStages.VerdictsAlone.Contains(stage["objective"]?.GetValue<string>() ?? algorithm.Id) ? new JsonArray("small-verdict", "small-reward") : new JsonArray("small-verdict");
        }

        return stage;

        bool Maybe(double chance, string what) => draws.Key("maybe").Key(what).Uniform() < chance;
    }

    /// <summary>A controller for some coefficient, where the objective or the term has one.</summary>
    private static void Steer(JsonObject stage, Draws draws, IObjective?[] objectives)
    {
        string[] coefficients = [.. objectives.OfType<IObjective>().SelectMany(objective => objective.Coefficients.Keys).Order(StringComparer.Ordinal)];
        if (coefficients.Length > 0)
        {
            JsonObject[] controllers = [.. StageRun.Parts.Ids(Kinds.Controller).Order(StringComparer.Ordinal).Select(id => new JsonObject { ["use"] = id })];
            var by = controllers[draws.Key("controller").Below(controllers.Length)];
            if (OptionDescription.KeysOf(StageRun.Parts.Find(Kinds.Controller, (string)by["use"]!)!.OptionsType!).Contains("metric"))
            {
                by["metric"] = "grad_norm";
            }

            stage["controllers"] = new JsonArray(new JsonObject { ["of"] = Pick(coefficients, draws.Key("coefficient")), ["by"] = by });
        }
    }

    private static IObjective? Made(Dictionary<string, OptionDescription> slots, JsonObject stage, PartDescriptor algorithm) =>
        !slots.ContainsKey("objective") ? null
        : stage["objective"] is JsonValue id ? Make(id.GetValue<string>())
        : algorithm.Slot == "objective" ? Make(algorithm.Id)
        : algorithm.Defaults.FirstOrDefault(@default => @default.Path == "objective") is { } named ? Make((string)named.Value) : null;

    private static IObjective Make(string id) => StageRun.Bind<IObjective>(new JsonObject { ["use"] = id }).Create(new NoServices());

    /// <summary>The parts that a slot takes and that need no option of their own.</summary>
    private static string[] Fitting(OptionDescription slot)
    {
        var type = OptionDescription.ElementOf(slot.Property.PropertyType) ?? slot.Property.PropertyType;
        var contract = type.GetGenericArguments()[0];
        return [.. StageRun.Parts.Ids(slot.SlotKind!).Order(StringComparer.Ordinal).Select(id => StageRun.Parts.Find(slot.SlotKind!, id)!)
            .Where(part => contract.IsAssignableFrom(part.Type) && SmallStages.Composes(part))
            .Where(part => part.OptionsType is null || !OptionDescription.Of(part.OptionsType, part.Defaults).Any(option => option.Required))
            .Select(part => part.Id)];
    }

    private static T Pick<T>(T[] among, Draws draws) => among[draws.Below(among.Length)];

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
