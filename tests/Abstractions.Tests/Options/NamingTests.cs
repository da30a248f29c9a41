using Plumbline.Options;

namespace Plumbline.Tests;

public sealed class NamingTests
{
    [Theory]
    [InlineData("LabelSmoothing", "label_smoothing")]
    [InlineData("labelSmoothing", "label_smoothing")]
    [InlineData("Beta", "beta")]
    [InlineData("Beta1", "beta1")]
    [InlineData("TopP", "top_p")]
    [InlineData("KLCoef", "kl_coef")]
    [InlineData("UseKL", "use_kl")]
    [InlineData("L2Norm", "l2_norm")]
    [InlineData("RewardTPlus1", "reward_t_plus1")]
    [InlineData("already_snake", "already_snake")]
    [InlineData("Half_Way", "half_way")]
    [InlineData("", "")]
    public void A_name_in_csharp_becomes_snake_case(string name, string expected) =>
        Assert.Equal(expected, Naming.ToJson(name));

    [Theory]
    [InlineData("learning_rat", "learning_rate")]
    [InlineData("Steps", "steps")]
    [InlineData("epsilon_hihg", "epsilon_high")]
    public void A_misspelt_name_finds_the_nearest(string name, string expected) =>
        Assert.Equal(expected, Naming.Nearest(name, ["steps", "learning_rate", "epsilon_low", "epsilon_high"]));

    [Fact]
    public void A_name_far_from_every_candidate_finds_none() =>
        Assert.Null(Naming.Nearest("temperature", ["steps", "beta"]));

    [Fact]
    public void Without_candidates_there_is_no_nearest() =>
        Assert.Null(Naming.Nearest("beta", []));

    [Fact]
    public void Of_two_equally_near_names_the_first_by_alphabet_wins_whatever_their_order()
    {
        Assert.Equal("bata", Naming.Nearest("bita", ["beta", "bata"]));
        Assert.Equal("bata", Naming.Nearest("bita", ["bata", "beta"]));
    }
}
