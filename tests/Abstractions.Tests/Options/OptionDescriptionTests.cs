using Plumbline.Options;

namespace Plumbline.Tests;

public sealed class OptionDescriptionTests
{
    [Theory]
    [InlineData("whole", "integer")]
    [InlineData("big", "integer")]
    [InlineData("real", "number")]
    [InlineData("single", "number")]
    [InlineData("flag", "true or false")]
    [InlineData("text", "text")]
    [InlineData("share", "number or null")]
    [InlineData("direction", "one of forward, round_about")]
    [InlineData("sizes", "list of integer")]
    [InlineData("weights", "list of number")]
    [InlineData("inner", "object")]
    [InlineData("reward", "reward")]
    [InlineData("rewards", "list of reward")]
    public void A_type_is_told_in_words(string option, string type) => Assert.Equal(type, Of<ValuesOptions>(option).Type);

    [Fact]
    public void A_rule_is_told_in_a_few_characters()
    {
        Assert.Equal("> 0", Of<LengthRewardOptions>("longest").Rule);
        Assert.Equal(">= 0", Of<WalkOptions>("steps").Rule);
        Assert.Equal("in (0, 1)", Of<ValuesOptions>("share").Rule);
        Assert.Equal(string.Empty, Of<ValuesOptions>("whole").Rule);
    }

    [Fact]
    public void A_default_is_the_value_of_a_new_record()
    {
        Assert.Equal("8", Of<LengthRewardOptions>("longest").Default!.ToJsonString());
        Assert.Equal("\"forward\"", Of<ValuesOptions>("direction").Default!.ToJsonString());
        Assert.Equal("[1,2]", Of<ValuesOptions>("sizes").Default!.ToJsonString());
        Assert.Null(Of<ValuesOptions>("share").Default);
    }

    [Fact]
    public void Choices_are_an_enumerations_values()
    {
        Assert.Equal(["forward", "round_about"], Of<ValuesOptions>("direction").Choices);
        Assert.Empty(Of<ValuesOptions>("text").Choices);
    }

    [Fact]
    public void A_slot_tells_the_kind_it_takes_alone_or_in_a_list()
    {
        Assert.Equal(Kinds.Reward, Of<ValuesOptions>("reward").SlotKind);
        Assert.Equal(Kinds.Reward, Of<ValuesOptions>("rewards").SlotKind);
        Assert.Equal(Kinds.Objective, Of<WalkOptions>("objective").SlotKind);
        Assert.Null(Of<ValuesOptions>("sizes").SlotKind);
    }

    [Fact]
    public void Only_a_required_option_is_required()
    {
        Assert.True(Of<WalkOptions>("objective").Required);
        Assert.False(Of<WalkOptions>("steps").Required);
    }

    [Fact]
    public void The_base_records_options_come_first() =>
        Assert.Equal(["name", "observers", "objective", "sampler", "rewards", "steps", "learning_rate", "direction"], OptionDescription.Of(typeof(WalkOptions)).Select(option => option.Name));

    [Fact]
    public void What_a_manifest_can_not_set_is_no_option() =>
        Assert.Equal(["given"], OptionDescription.KeysOf(typeof(PartlyOptions)));

    private static OptionDescription Of<T>(string name) => OptionDescription.Of(typeof(T)).Single(option => option.Name == name);

    public sealed record PartlyOptions
    {
        public int Given { get; init; }

        public int Computed => Given + 1;

        internal int Hidden { get; set; }
    }
}
