namespace Plumbline.Tests;

public sealed class KindTests
{
    [Fact]
    public void A_contracts_kind_is_read_from_itself_its_base_or_its_interfaces()
    {
        Assert.Equal(Kinds.Objective, KindAttribute.Of(typeof(PairObjective)));
        Assert.Equal(Kinds.Reward, KindAttribute.Of(typeof(LengthReward)));
        Assert.Equal(Kinds.Model, KindAttribute.Of(typeof(ICausalModel)));
    }

    [Fact]
    public void A_type_that_is_no_contract_is_refused() =>
        Assert.Throws<ArgumentException>(() => KindAttribute.Of(typeof(string)));

    [Fact]
    public void A_parts_options_are_the_constructor_parameter_named_so()
    {
        Assert.Equal(typeof(LengthRewardOptions), PartDescriptor.OptionsOf(typeof(LengthReward)));
        Assert.Null(PartDescriptor.OptionsOf(typeof(ConstantReward)));
    }

    [Fact]
    public void A_method_is_an_algorithm_and_a_part_of_its_slots_kind()
    {
        var parts = PartDescriptor.Of(typeof(Hinge)).ToArray();
        Assert.Equal([(Kinds.Algorithm, "hinge"), (Kinds.Objective, "hinge")], parts.Select(part => (part.Kind, part.Id)));
        Assert.Equal(("walk", "objective"), (parts[0].Loop, parts[0].Slot));
        Assert.Null(parts[1].Loop);
        // Its recipe is for the whole stage.
        Assert.Equal(["learning_rate", "sampler.temperature"], parts[0].Defaults.Select(given => given.Path));
        Assert.Empty(parts[1].Defaults);
    }

    [Fact]
    public void Any_other_part_is_one()
    {
        var part = Assert.Single(PartDescriptor.Of(typeof(LengthReward)));
        Assert.Equal((Kinds.Reward, "length", typeof(LengthRewardOptions)), (part.Kind, part.Id, part.OptionsType));
        Assert.IsType<LengthReward>(part.Create(new NoServices(), new LengthRewardOptions()));
    }
}
