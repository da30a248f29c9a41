using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Plumbline.Options;

namespace Plumbline.Tests;

public sealed class OptionsWriterTests
{
    private static readonly TestParts Parts = new(typeof(LengthReward), typeof(ConstantReward), typeof(DrawnSampler), typeof(Hinge), typeof(Walk));

    [Fact]
    public void What_is_written_binds_to_an_equal_record() => Prop.ForAll(AnyValues(), values =>
    {
        var text = OptionsWriter.ToJson(values)!.ToJsonString();
        var again = OptionsBinder.Bind<ValuesOptions>(JsonNode.Parse(text)!.AsObject(), Parts);
        Assert.Equal(text, OptionsWriter.ToJson(again)!.ToJsonString());
        // Lists and parts compare by reference: set them alike, then the rest must be equal.
        Assert.Equal(values, again with { Sizes = values.Sizes, Weights = values.Weights, Reward = values.Reward, Rewards = values.Rewards });
        Assert.Equal(values.Sizes, again.Sizes);
        Assert.Equal(values.Weights, again.Weights);
        Assert.Equal(values.Reward?.Options, again.Reward?.Options);
        Assert.Equal(values.Rewards.Select(reward => (reward.Id, reward.Options)), again.Rewards.Select(reward => (reward.Id, reward.Options)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_resolved_stage_binds_to_the_same_stage_by_its_loops_name()
    {
        var stage = Bind(JsonNode.Parse("""{ "use": "hinge", "beta": 4, "rewards": ["constant"] }"""));
        var written = OptionsWriter.ToJson(stage)!;
        Assert.Equal("walk", (string?)written["use"]);
        Assert.Equal("hinge", (string?)written["objective"]!["use"]);
        Assert.Equal(4.0, (double?)written["objective"]!["beta"]);
        Assert.Equal(0.7, (double?)written["sampler"]!["temperature"]);
        Assert.Equal(written.ToJsonString(), OptionsWriter.ToJson(Bind(written))!.ToJsonString());
    }

    [Fact]
    public void Names_and_choices_are_written_in_snake_case()
    {
        var json = OptionsWriter.ToJson(new ValuesOptions { Direction = Direction.RoundAbout })!;
        Assert.Equal("round_about", (string?)json["direction"]);
        Assert.True(json.AsObject().ContainsKey("maybe"));
        Assert.Null(json["maybe"]);
    }

    private static Part<ILoop> Bind(JsonNode? json)
    {
        var binder = new OptionsBinder(Parts);
        var stage = binder.BindPart<ILoop>(json, "$");
        Assert.Empty(binder.Errors);
        return stage!;
    }

    private static Arbitrary<ValuesOptions> AnyValues()
    {
        var real = Gen.OneOf(ArbMap.Default.GeneratorFor<NormalFloat>().Select(number => number.Get), Gen.Elements(0, -0.0, double.MaxValue, double.Epsilon, 1e-300, 0.1));
        var text = Gen.OneOf(ArbMap.Default.GeneratorFor<NonNull<string>>().Select(any => string.Concat(any.Get.Where(letter => !char.IsSurrogate(letter)))), Gen.Elements("", "null", "\"\\\n", "ü🙂"));
        var length = from longest in Gen.Choose(1, 100) from scale in real select new LengthRewardOptions { Longest = longest, Scale = scale };
        var reward = Gen.OneOf(
            length.Select(options => new Part<IReward>("length", options, _ => new LengthReward(options))),
            Gen.Constant(new Part<IReward>("constant", null, _ => new ConstantReward())));
        return (
            from whole in ArbMap.Default.GeneratorFor<int>()
            from big in ArbMap.Default.GeneratorFor<long>()
            from value in real
            from single in real.Select(number => float.IsFinite((float)number) ? (float)number : 0)
            from flag in ArbMap.Default.GeneratorFor<bool>()
            from word in text
            from maybe in text.OrNull()
            from share in Gen.Elements<double?>(null, 0.1, 0.999)
            from direction in Gen.Elements(Direction.Forward, Direction.RoundAbout)
            from sizes in ArbMap.Default.GeneratorFor<int[]>()
            from weights in Gen.Elements(0.5, 1e-9, 3).ArrayOf()
            from inner in length
            from one in reward.OrNull()
            from many in reward.ArrayOf()
            select new ValuesOptions
            {
                Whole = whole,
                Big = big,
                Real = value,
                Single = single,
                Flag = flag,
                Text = word,
                Maybe = maybe,
                Share = share,
                Direction = direction,
                Sizes = sizes,
                Weights = weights,
                Inner = inner,
                Reward = one,
                Rewards = many,
            }).ToArbitrary();
    }
}

