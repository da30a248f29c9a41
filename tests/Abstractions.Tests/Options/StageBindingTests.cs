using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Tests;

/// <summary>Parts within options: slots, algorithms that bring a loop, and defaults.</summary>
public sealed class StageBindingTests
{
    private static readonly Type[] All =
        [typeof(LengthReward), typeof(ConstantReward), typeof(DrawnSampler), typeof(Beam), typeof(Hinge), typeof(Plain), typeof(Grouped), typeof(Walk)];

    [Fact]
    public void An_algorithm_shares_the_stages_keys_between_its_loop_and_itself()
    {
        var walk = Stage("""{ "use": "hinge", "steps": 5, "beta": 4, "direction": "round_about" }""");
        Assert.Equal((5, Direction.RoundAbout), (walk.Steps, walk.Direction));
        Assert.Equal("hinge", walk.Objective.Id);
        Assert.Equal(new HingeOptions { Beta = 4 }, walk.Objective.Options);
    }

    [Fact]
    public void A_stage_makes_its_loop_with_the_algorithms_objective_inside()
    {
        var stage = new OptionsBinder(new TestParts(All)).BindPart<ILoop>(Json("""{ "use": "hinge", "beta": 4 }"""), "$.stages[0]")!;
        Assert.Equal("walk", stage.Id);
        var walk = Assert.IsType<Walk>(stage.Create(new NoServices()));
        Assert.Equal(4, Assert.IsType<Hinge>(walk.Options.Objective.Create(new NoServices())).Beta);
    }

    [Fact]
    public void An_id_alone_means_the_part_with_its_defaults() =>
        Assert.Equal(OptionsWriter.ToJson(Stage("""{ "use": "hinge" }"""))!.ToJsonString(), OptionsWriter.ToJson(Stage("\"hinge\""))!.ToJsonString());

    [Fact]
    public void The_algorithms_defaults_win_over_the_loops_and_the_manifest_over_both()
    {
        Assert.Equal(1e-6, Stage("""{ "use": "hinge" }""").LearningRate);
        Assert.Equal(3e-4, Stage("""{ "use": "walk", "objective": "plain" }""").LearningRate);
        Assert.Equal(0.1, Stage("""{ "use": "hinge", "learning_rate": 0.1 }""").LearningRate);
    }

    [Fact]
    public void A_default_reaches_into_a_slot_that_the_loop_fills()
    {
        Assert.Equal(new DrawnSamplerOptions { Temperature = 0.7, GroupSize = 2 }, Stage("\"hinge\"").Sampler.Options);
        Assert.Equal(new DrawnSamplerOptions { Temperature = 0.9, GroupSize = 2 }, Stage("""{ "use": "walk", "objective": "plain" }""").Sampler.Options);
    }

    [Theory]
    [InlineData("""{ "use": "hinge", "sampler": "drawn" }""")]
    [InlineData("""{ "use": "hinge", "sampler": { "use": "drawn" } }""")]
    public void Naming_the_default_part_changes_nothing(string json) =>
        Assert.Equal(new DrawnSamplerOptions { Temperature = 0.7, GroupSize = 2 }, Stage(json).Sampler.Options);

    [Fact]
    public void An_option_given_in_a_slot_wins_over_the_nested_default() =>
        Assert.Equal(
            new DrawnSamplerOptions { Temperature = 0.1, GroupSize = 2 },
            Stage("""{ "use": "hinge", "sampler": { "use": "drawn", "temperature": 0.1 } }""").Sampler.Options);

    [Fact]
    public void Another_part_in_the_slot_gets_none_of_the_defaults_meant_for_the_first()
    {
        var walk = Stage("""{ "use": "hinge", "sampler": "beam" }""");
        Assert.Equal("beam", walk.Sampler.Id);
        Assert.Equal(new BeamOptions(), walk.Sampler.Options);
    }

    [Fact]
    public void An_option_of_the_replaced_objective_is_refused()
    {
        var error = Refused("""{ "use": "hinge", "objective": "plain", "beta": 4 }""");
        Assert.Equal("$.stages[0].beta", error.Path);
        Assert.Contains("nothing would read it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_replaced_objective_without_leftovers_is_bound() =>
        Assert.Equal("plain", Stage("""{ "use": "hinge", "objective": "plain" }""").Objective.Id);

    [Fact]
    public void Errors_in_the_algorithms_options_carry_the_stages_path()
    {
        Assert.Equal("$.stages[0].beta", Refused("""{ "use": "hinge", "beta": -1 }""").Path);
        Assert.Equal(new ManifestError("$.stages[0]", "margin must not exceed beta; 9 does"), Refused("""{ "use": "hinge", "margin": 9 }"""));
    }

    [Fact]
    public void Errors_in_a_replaced_slot_carry_the_slots_path() =>
        Assert.Equal("$.stages[0].objective.beta", Refused("""{ "use": "walk", "objective": { "use": "hinge", "beta": -1 } }""").Path);

    [Fact]
    public void An_unknown_key_of_a_stage_is_compared_with_the_loops_and_the_algorithms()
    {
        Assert.Contains("did you mean 'margin'?", Refused("""{ "use": "hinge", "margn": 1 }""").Message, StringComparison.Ordinal);
        Assert.Contains("did you mean 'steps'?", Refused("""{ "use": "hinge", "stps": 1 }""").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_stage_lists_algorithms_and_loops()
    {
        var error = Refused("\"hing\"");
        Assert.Equal("$.stages[0]", error.Path);
        Assert.Equal("unknown algorithm or loop 'hing'; did you mean 'hinge'? (valid: hinge, walk)", error.Message);
        Assert.Contains("known: hinge, walk", Refused("{}").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_the_right_kind_and_the_wrong_contract_is_refused()
    {
        var error = Refused("""{ "use": "walk", "objective": "grouped" }""");
        Assert.Equal(new ManifestError("$.stages[0].objective", "objective 'grouped' is a GroupObjective, and a PairObjective is needed here"), error);
    }

    [Fact]
    public void An_option_for_a_part_without_options_is_refused() =>
        Assert.Equal(
            new ManifestError("$.stages[0].rewards[0].scale", "reward 'constant' has no options"),
            Refused("""{ "use": "hinge", "rewards": [{ "use": "constant", "scale": 2 }] }"""));

    [Fact]
    public void A_broken_plugin_is_refused_with_its_reason()
    {
        var parts = new TestParts(All) { Broken = { ["length"] = "plugin Length is broken: no such library" } };
        var binder = new OptionsBinder(parts);
        binder.BindPart<ILoop>(Json("""{ "use": "hinge", "rewards": ["length"] }"""), "$.stages[0]");
        Assert.Equal(new ManifestError("$.stages[0].rewards[0]", "plugin Length is broken: no such library"), Assert.Single(binder.Errors));
    }

    [Fact]
    public void An_option_that_loop_and_algorithm_both_have_is_its_authors_error()
    {
        var binder = new OptionsBinder(new TestParts([.. All, typeof(Clash)]));
        Assert.Null(binder.BindPart<ILoop>(Json("\"clash\""), "$.stages[0]"));
        Assert.Contains("both have an option 'steps'", Assert.Single(binder.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_algorithm_over_a_loop_without_options_is_an_error_not_a_silence()
    {
        var binder = new OptionsBinder(new TestParts([.. All, typeof(Bare), typeof(OnBare)]));
        Assert.Null(binder.BindPart<ILoop>(Json("\"on-bare\""), "$.stages[0]"));
        Assert.Contains("loop 'bare' has no options", Assert.Single(binder.Errors).Message, StringComparison.Ordinal);
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;

    private static WalkOptions Stage(string json)
    {
        var binder = new OptionsBinder(new TestParts(All));
        var stage = binder.BindPart<ILoop>(Json(json), "$.stages[0]");
        Assert.Empty(binder.Errors);
        return Assert.IsType<WalkOptions>(stage!.Options);
    }

    private static ManifestError Refused(string json)
    {
        var binder = new OptionsBinder(new TestParts(All));
        binder.BindPart<ILoop>(Json(json), "$.stages[0]");
        return Assert.Single(binder.Errors);
    }

    public sealed record ClashOptions
    {
        public int Steps { get; init; }
    }

    [Algorithm("clash", "walk")]
    public sealed class Clash(ClashOptions options) : PairObjective
    {
        public override Loss Compute(PairBatch batch) => new(batch.PolicyChosenLogps.sum() * options.Steps);
    }

    [Loop("bare")]
    public sealed class Bare : ILoop
    {
        public void Run(CancellationToken cancel)
        {
        }
    }

    [Algorithm("on-bare", "bare")]
    public sealed class OnBare : PairObjective
    {
        public override Loss Compute(PairBatch batch) => new(batch.PolicyChosenLogps.sum());
    }
}
