using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Tests;

public sealed class OptionsBinderTests
{
    private static readonly TestParts Parts = new(typeof(LengthReward), typeof(ConstantReward));

    [Fact]
    public void Every_type_of_value_is_read()
    {
        var values = Bind("""
            { "whole": -3, "big": 9007199254740993, "real": 1e-3, "single": 0.1, "flag": true, "text": "ü", "maybe": "m", "share": 0.5,
              "direction": "round_about", "sizes": [4], "weights": [0.5, 2], "inner": { "longest": 3 }, "reward": "constant",
              "rewards": ["constant", { "use": "length", "longest": 5 }] }
            """);
        Assert.Equal((-3, 9007199254740993L, 1e-3, 0.1f, true), (values.Whole, values.Big, values.Real, values.Single, values.Flag));
        Assert.Equal(("ü", "m", 0.5, Direction.RoundAbout), (values.Text, values.Maybe, values.Share, values.Direction));
        Assert.Equal([4], values.Sizes);
        Assert.Equal([0.5, 2], values.Weights);
        Assert.Equal(new LengthRewardOptions { Longest = 3 }, values.Inner);
        Assert.Equal("constant", values.Reward!.Id);
        Assert.Equal(["constant", "length"], values.Rewards.Select(reward => reward.Id));
        Assert.Equal(new LengthRewardOptions { Longest = 5 }, values.Rewards[1].Options);
    }

    [Fact]
    public void What_the_manifest_leaves_out_keeps_its_default()
    {
        var values = Bind("{}");
        Assert.Equal((1, 0.5, "text", Direction.Forward), (values.Whole, values.Real, values.Text, values.Direction));
        Assert.Equal([1, 2], values.Sizes);
        Assert.Null(values.Share);
    }

    [Fact]
    public void An_unknown_key_is_refused_with_its_path_and_the_nearest_name()
    {
        var error = Refused("""{ "inner": { "longst": 3 } }""");
        Assert.Equal("$.inner.longst", error.Path);
        Assert.Contains("unknown option 'longst'", error.Message, StringComparison.Ordinal);
        Assert.Contains("did you mean 'longest'?", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "whole": "3" }""", "$.whole", "expected integer, found \"3\"")]
    [InlineData("""{ "whole": 3.5 }""", "$.whole", "expected integer, found 3.5")]
    [InlineData("""{ "whole": 3.0 }""", "$.whole", "expected integer, found 3.0")]
    [InlineData("""{ "whole": 1e3 }""", "$.whole", "expected integer, found 1e3")]
    [InlineData("""{ "whole": 3000000000 }""", "$.whole", "from -2147483648 to 2147483647")]
    [InlineData("""{ "big": 99999999999999999999 }""", "$.big", "expected integer")]
    [InlineData("""{ "whole": true }""", "$.whole", "expected integer, found true")]
    [InlineData("""{ "real": "0.1" }""", "$.real", "expected number")]
    [InlineData("""{ "real": "NaN" }""", "$.real", "expected number")]
    [InlineData("""{ "real": 1e400 }""", "$.real", "expected number, found 1e400")]
    [InlineData("""{ "real": -1e400 }""", "$.real", "expected number, found -1e400")]
    [InlineData("""{ "single": 1e39 }""", "$.single", "expected number, found 1e39")]
    [InlineData("""{ "share": 1e400 }""", "$.share", "expected number, found 1e400")]
    [InlineData("""{ "flag": "true" }""", "$.flag", "expected true or false")]
    [InlineData("""{ "flag": 1 }""", "$.flag", "expected true or false")]
    [InlineData("""{ "text": 1 }""", "$.text", "expected text")]
    [InlineData("""{ "direction": 1 }""", "$.direction", "one of forward, round_about")]
    [InlineData("""{ "direction": "round-about" }""", "$.direction", "did you mean 'round_about'?")]
    [InlineData("""{ "direction": "Forward" }""", "$.direction", "did you mean 'forward'?")]
    [InlineData("""{ "sizes": 3 }""", "$.sizes", "expected list of integer")]
    [InlineData("""{ "sizes": [1, "2"] }""", "$.sizes[1]", "expected integer")]
    [InlineData("""{ "sizes": [null] }""", "$.sizes[0]", "found null")]
    [InlineData("""{ "inner": 3 }""", "$.inner", "expected object")]
    [InlineData("""{ "inner": [] }""", "$.inner", "expected object")]
    [InlineData("""{ "reward": 3 }""", "$.reward", "known: constant, length")]
    [InlineData("""{ "reward": { "longest": 3 } }""", "$.reward", "an object with \"use\"")]
    [InlineData("""{ "reward": { "use": 3 } }""", "$.reward", "an object with \"use\"")]
    [InlineData("""{ "rewards": "constant" }""", "$.rewards", "expected list of reward")]
    public void A_value_of_the_wrong_type_is_refused_where_it_stands(string json, string path, string message)
    {
        var error = Refused(json);
        Assert.Equal(path, error.Path);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("whole")]
    [InlineData("text")]
    [InlineData("direction")]
    [InlineData("sizes")]
    [InlineData("inner")]
    [InlineData("rewards")]
    public void Null_is_refused_where_the_option_is_not_nullable(string option) =>
        Assert.Equal("$." + option, Refused($$"""{ "{{option}}": null }""").Path);

    [Theory]
    [InlineData("maybe")]
    [InlineData("share")]
    [InlineData("reward")]
    public void Null_turns_a_nullable_option_off(string option) =>
        Assert.NotNull(Bind($$"""{ "{{option}}": null }"""));

    [Theory]
    [InlineData("""{ "inner": { "longest": 0 } }""", "$.inner.longest", "longest must be > 0, was 0")]
    [InlineData("""{ "share": 1 }""", "$.share", "share must be in (0, 1), was 1")]
    [InlineData("""{ "share": 0.0 }""", "$.share", "share must be in (0, 1), was 0")]
    [InlineData("""{ "weights": [1, -2] }""", "$.weights", "weights must be > 0, was [1,-2]")]
    public void A_number_out_of_range_is_refused_with_its_rule(string json, string path, string message) =>
        Assert.Equal(new ManifestError(path, message), Refused(json));

    [Fact]
    public void Every_error_is_reported_at_once_in_the_order_of_the_manifest()
    {
        var refusal = Assert.Throws<ManifestException>(() => Bind("""
            { "whole": "x", "nonsense": 1, "inner": { "longest": -1, "scale": "s" }, "rewards": ["constent", { "use": "length", "longest": 0 }], "sizes": [true, false] }
            """));
        Assert.Equal(
            ["$.whole", "$.nonsense", "$.inner.longest", "$.inner.scale", "$.rewards[0]", "$.rewards[1].longest", "$.sizes[0]", "$.sizes[1]"],
            refusal.Errors.Select(error => error.Path));
        Assert.All(refusal.Errors, error => Assert.Contains(error.ToString(), refusal.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_required_option_is_named_with_what_could_fill_it()
    {
        var refusal = Assert.Throws<ManifestException>(() =>
            OptionsBinder.Bind<WalkOptions>([], new TestParts(typeof(DrawnSampler), typeof(Plain)), "$.stages[0]"));
        Assert.Equal(["$.stages[0].objective", "$.stages[0].sampler"], refusal.Errors.Select(error => error.Path));
        Assert.Contains("'objective' is required: name a objective (known: plain)", refusal.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_between_options_is_checked_once_each_option_is_right()
    {
        Assert.Equal(
            new ManifestError("$", "margin must not exceed beta; 3 does"),
            Assert.Single(Assert.Throws<ManifestException>(() => OptionsBinder.Bind<HingeOptions>(Json("""{ "margin": 3 }"""), Parts)).Errors));
        Assert.Equal(
            "$.beta",
            Assert.Single(Assert.Throws<ManifestException>(() => OptionsBinder.Bind<HingeOptions>(Json("""{ "margin": 3, "beta": 0 }"""), Parts)).Errors).Path);
    }

    [Fact]
    public void An_options_type_that_can_not_be_made_empty_is_its_authors_error()
    {
        var refusal = Assert.Throws<ManifestException>(() => OptionsBinder.Bind<PositionalOptions>([], Parts));
        Assert.Contains("no parameterless constructor", Assert.Single(refusal.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_given_json_is_left_as_it_was()
    {
        var json = Json("""{ "reward": { "use": "length", "longest": 3 }, "inner": { "longest": 2 } }""");
        var before = json.ToJsonString();
        OptionsBinder.Bind<ValuesOptions>(json, Parts);
        Assert.Equal(before, json.ToJsonString());
    }

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private static ValuesOptions Bind(string json) => OptionsBinder.Bind<ValuesOptions>(Json(json), Parts);

    private static ManifestError Refused(string json) => Assert.Single(Assert.Throws<ManifestException>(() => Bind(json)).Errors);

    public sealed record PositionalOptions(int Size);
}
