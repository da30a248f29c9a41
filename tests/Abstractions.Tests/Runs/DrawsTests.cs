using FsCheck;
using FsCheck.Fluent;

namespace Plumbline.Tests;

/// <summary>Law 7: chance is a pure function of counters.</summary>
public sealed class DrawsTests
{
    [Fact]
    public void The_same_keys_give_the_same_number() => Prop.ForAll<long, long, NonNull<string>>((seed, step, purpose) =>
    {
        Draws Source() => new Draws(seed).Key("stage").Key(step).Key(purpose.Get);
        Assert.Equal(Source().Bits(), Source().Bits());
        Assert.Equal(Source().Uniform(), Source().Uniform());
        Assert.Equal(Source(), Source());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Drawing_leaves_no_trace() => Prop.ForAll<long, long>((seed, key) =>
    {
        var source = new Draws(seed);
        var expected = source.Key(key).Uniform();
        _ = (source.Uniform(), source.Normal(), source.Permutation(9), source.Key(key).Bits());
        Assert.Equal(expected, source.Key(key).Uniform());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Another_key_at_any_depth_gives_another_number() => Prop.ForAll<long, long, long>((seed, a, b) =>
        a == b || (new Draws(seed).Key(a).Bits() != new Draws(seed).Key(b).Bits()
            && new Draws(seed).Key(a).Key(b).Bits() != new Draws(seed).Key(b).Key(a).Bits()
            && new Draws(a).Key(seed).Bits() != new Draws(b).Key(seed).Bits())).QuickCheckThrowOnFailure();

    [Fact]
    public void Numbers_of_a_whole_grid_of_keys_are_all_different()
    {
        var seen = new HashSet<ulong>();
        for (var step = 0; step < 40; step++)
        {
            for (var prompt = 0; prompt < 40; prompt++)
            {
                for (var sample = 0; sample < 40; sample++)
                {
                    Assert.True(seen.Add(new Draws(7).Key(step).Key(prompt).Key(sample).Bits()));
                }
            }
        }
    }

    [Fact]
    public void The_numbers_stay_those_that_earlier_runs_drew()
    {
        var draws = new Draws(7).Key("stage").Key(1).Key("sample");
        // Worked out once by another implementation of the same hash.
        Assert.Equal(17117196200182178155UL, draws.Bits());
        Assert.Equal(0.00027820529299338315, draws.Key(3).Uniform());
        Assert.Equal([7, 5, 4, 6, 1, 0, 2, 3], draws.Permutation(8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Uniform_numbers_of_neighbouring_keys_fill_the_interval_evenly(int depth)
    {
        // Chi-square over 100 cells of 20,000 draws: 99 degrees of freedom, 99.9 % below 148.2.
        var counts = new int[100];
        for (var key = 0; key < 20_000; key++)
        {
            var draws = depth == 1 ? new Draws(11).Key(key) : new Draws(11).Key(key / 100).Key(key % 100);
            counts[(int)(draws.Uniform() * 100)]++;
        }

        Assert.InRange(counts.Sum(count => (count - 200.0) * (count - 200.0) / 200), 50, 148.2);
    }

    [Fact]
    public void Neighbouring_keys_are_not_correlated()
    {
        // Pairs over a 10 by 10 grid: 99 degrees of freedom.
        var counts = new int[100];
        for (var key = 0; key < 20_000; key++)
        {
            var (first, second) = (new Draws(5).Key(2 * key).Uniform(), new Draws(5).Key((2 * key) + 1).Uniform());
            counts[((int)(first * 10) * 10) + (int)(second * 10)]++;
        }

        Assert.InRange(counts.Sum(count => (count - 200.0) * (count - 200.0) / 200), 50, 148.2);
    }

    [Fact]
    public void Normal_numbers_have_mean_zero_and_variance_one()
    {
        var numbers = Enumerable.Range(0, 20_000).Select(key => new Draws(3).Key(key).Normal()).ToArray();
        Assert.InRange(numbers.Average(), -0.03, 0.03);
        Assert.InRange(numbers.Average(number => number * number), 0.95, 1.05);
    }

    [Fact]
    public void A_permutation_holds_every_number_once() => Prop.ForAll<long, byte>((seed, count) =>
        Assert.Equal(Enumerable.Range(0, count), new Draws(seed).Permutation(count).Order())).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_order_of_four_is_drawn_about_as_often()
    {
        // 24 orders, 12,000 draws: 23 degrees of freedom, 99.9 % below 49.7.
        var counts = Enumerable.Range(0, 12_000).Select(key => string.Concat(new Draws(13).Key(key).Permutation(4))).CountBy(order => order).ToDictionary();
        Assert.Equal(24, counts.Count);
        Assert.InRange(counts.Values.Sum(count => (count - 500.0) * (count - 500.0) / 500), 5, 49.7);
    }

    [Fact]
    public void An_integer_lies_below_its_bound() => Prop.ForAll<long, PositiveInt>((seed, below) =>
        Assert.InRange(new Draws(seed).Below(below.Get), 0, below.Get - 1)).QuickCheckThrowOnFailure();

    [Fact]
    public void The_largest_bound_is_kept() =>
        Assert.All(Enumerable.Range(0, 1000), key => Assert.InRange(new Draws(1).Key(key).Below(int.MaxValue), 0, int.MaxValue - 1));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_bound_that_allows_nothing_is_refused(int below) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Draws(1).Below(below));

    [Fact]
    public void A_seed_for_a_library_is_not_negative() =>
        Prop.ForAll<long>(seed => new Draws(seed).Seed() >= 0).QuickCheckThrowOnFailure();
}
