using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class EpochOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void Each_epoch_holds_every_row_once(int rows)
    {
        var taken = new EpochOrder(rows, new Draws(3)).Take(0, 3 * rows);
        Assert.All(taken.Chunk(rows), epoch => Assert.Equal(Enumerable.Range(0, rows), epoch.Order()));
    }

    [Fact]
    public void Epochs_differ_in_order()
    {
        var taken = new EpochOrder(50, new Draws(3)).Take(0, 100);
        Assert.NotEqual(taken[..50], taken[50..]);
    }

    [Fact]
    public void What_comes_at_a_place_does_not_depend_on_what_was_taken_before()
    {
        var whole = new EpochOrder(7, new Draws(3)).Take(0, 60);
        var order = new EpochOrder(7, new Draws(3));
        Assert.Equal(whole[40..53], order.Take(40, 13));
        Assert.Equal(whole[3..20], order.Take(3, 17));
        Assert.Equal(whole[3..20], order.Take(3, 17));
    }

    [Fact]
    public void A_place_beyond_32_bits_is_found() =>
        Assert.InRange(Assert.Single(new EpochOrder(7, new Draws(3)).Take(1L << 40, 1)), 0, 6);

    [Fact]
    public void Other_draws_give_another_order() =>
        Assert.NotEqual(new EpochOrder(50, new Draws(3)).Take(0, 50), new EpochOrder(50, new Draws(4)).Take(0, 50));

    [Fact]
    public void No_rows_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new EpochOrder(0, new Draws(3)));
}
