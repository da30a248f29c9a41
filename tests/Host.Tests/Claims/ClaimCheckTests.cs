using Plumbline.Host.Claims;

namespace Plumbline.Tests.Host.Claims;

public sealed class ClaimCheckTests
{
    [Theory]
    [InlineData(null, null, null, null, "it has no threshold")]
    [InlineData(1.0, null, 1.0, null, "two thresholds of one side")]
    [InlineData(null, 1.0, null, 2.0, "two thresholds of one side")]
    public void A_check_has_a_threshold_and_one_of_each_side(double? atLeast, double? atMost, double? above, double? below, string message) =>
        Assert.Contains(message, Assert.Single(new ClaimCheck { That = "t", Value = "v", AtLeast = atLeast, AtMost = atMost, Above = above, Below = below }.Check()), StringComparison.Ordinal);

    [Theory]
    [InlineData("mean", true)]
    [InlineData("every-seed", true)]
    [InlineData("4-of-5", true)]
    [InlineData("median", false)]
    [InlineData("0-of-5", false)]
    [InlineData("6-of-5", false)]
    public void Over_is_the_mean_every_seed_or_a_number_of_them(string over, bool right) =>
        Assert.Equal(right, !new ClaimCheck { That = "t", Value = "v", Above = 0, Over = over }.Check().Any());

    [Theory]
    [InlineData("mean", true)]
    [InlineData("every-seed", false)]
    [InlineData("2-of-3", true)]
    [InlineData("3-of-3", false)]
    public void Seeds_are_judged_as_over_says(string over, bool held) =>
        Assert.Equal(held, new ClaimCheck { That = "t", Value = "v", AtLeast = 2, Over = over }.Holds([1, 2, 6]));

    [Fact]
    public void A_bound_itself_is_allowed_by_at_least_and_at_most_only()
    {
        Assert.True(new ClaimCheck { That = "t", Value = "v", AtLeast = 2, AtMost = 2 }.Holds([2]));
        Assert.False(new ClaimCheck { That = "t", Value = "v", Above = 2 }.Holds([2]));
        Assert.False(new ClaimCheck { That = "t", Value = "v", Below = 2 }.Holds([2]));
        Assert.False(new ClaimCheck { That = "t", Value = "v", Below = 2 }.Holds([double.NaN]));
    }

    [Fact]
    public void With_another_number_of_seeds_the_same_share_must_obey()
    {
        var check = new ClaimCheck { That = "t", Value = "v", AtLeast = 1, Over = "4-of-5" };
        Assert.True(check.Holds([1, 1]));
        Assert.False(check.Holds([1, 0]));
        Assert.True(check.Holds([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]));
    }
}
