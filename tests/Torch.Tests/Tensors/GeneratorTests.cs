namespace Plumbline.Tests.Tensors;

public class GeneratorTests
{
    [Fact]
    public void The_same_seed_gives_the_same_numbers_and_another_others()
    {
        using var scope = NewDisposeScope();
        using var a = new Generator(7);
        using var b = new Generator(7);
        using var c = new Generator(8);

        var (first, second, third) = (Draw(a), Draw(b), Draw(c));

        Assert.Equal(first, second);
        Assert.NotEqual(first, third);
        Assert.NotEqual(first, Draw(a));
        Assert.Equal(first, Draw(a.manual_seed(7)));
        Assert.Equal(7, a.initial_seed());
        Assert.Equal(DeviceType.CPU, a.device.type);
    }

    [Fact]
    public void A_state_taken_and_given_back_repeats_the_numbers()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Draw(generator);
        var state = generator.get_state();
        var first = Draw(generator);
        generator.set_state(state);

        Assert.Equal(first, Draw(generator));

        using var other = new Generator(99);
        other.set_state(state);
        Assert.Equal(first, Draw(other));
        Assert.ThrowsAny<Exception>(() => other.set_state(zeros(3)));
    }

    [Fact]
    public void The_default_generator_is_seeded_for_all()
    {
        using var scope = NewDisposeScope();

        var seeded = manual_seed(3);
        var first = Same.Values(rand([4]));
        random.manual_seed(3);
        var state = random.get_rng_state();
        var second = Same.Values(rand([4]));
        random.set_rng_state(state);

        Assert.Equal(first, second);
        Assert.Equal(first, Same.Values(rand([4])));
        Assert.Equal(3, seeded.initial_seed());
        Assert.Equal(3, Generator.Default.initial_seed());
    }

    [Fact]
    public void A_generator_of_ones_own_leaves_the_default_alone()
    {
        using var scope = NewDisposeScope();
        using var own = new Generator(5);
        manual_seed(3);
        var first = Same.Values(rand([4]));
        manual_seed(3);

        Draw(own);
        randperm(5, generator: own);
        randint(9, [3L], generator: own);
        zeros(2).uniform_(0, 1, own).bernoulli(own).normal_(generator: own);

        Assert.Equal(first, Same.Values(rand([4])));
    }

    [Fact]
    public void A_disposed_generator_says_so()
    {
        var generator = new Generator(1);
        generator.Dispose();
        generator.Dispose();

        Assert.Throws<ObjectDisposedException>(() => rand([1], generator: generator));
    }

    private static double[] Draw(Generator generator) => Same.Values(rand([5], generator: generator));
}
