namespace Plumbline.Tests.Tensors;

public class CreationTests
{
    [Fact]
    public void Numbers_become_tensors_of_their_own_type()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(
            [ScalarType.Float32, ScalarType.Float64, ScalarType.Int64, ScalarType.Int32, ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Float16],
            new[] { tensor(1f), tensor(1.0), tensor(1L), tensor(1), tensor(true), tensor((byte)1), tensor((sbyte)1), tensor((short)1), tensor([(Half)1]) }.Select(made => made.dtype));
        Assert.Equal(ScalarType.BFloat16, tensor([1f, 2f], dtype: ScalarType.BFloat16).dtype);
        Assert.Equal([1L, 2L], tensor([1.9f, 2.1f], dtype: ScalarType.Int64).data<long>().ToArray());
    }

    [Fact]
    public void Lists_and_grids_keep_their_shape()
    {
        using var scope = NewDisposeScope();

        Assert.Equal([2L, 3L], tensor(new double[,] { { 1, 2, 3 }, { 4, 5, 6 } }).shape);
        Assert.Equal([1L, 1L, 2L], tensor(new[,,] { { { 1L, 2L } } }).shape);
        Assert.Equal([4.0, 5, 6], Same.Values(tensor(new double[,] { { 1, 2, 3 }, { 4, 5, 6 } })[1]));
        Assert.Equal([2L, 2L], tensor([1, 2, 3, 4], [2L, 2L]).shape);
        Assert.Equal([3L], tensor(new List<float> { 1, 2, 3 }).shape);
        Assert.Equal([0L], tensor(Array.Empty<double>()).shape);
        Assert.Contains("3 elements do not fill the shape [2,2]", Assert.Throws<ArgumentException>(() => tensor([1, 2, 3], [2L, 2L])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_data_is_copied()
    {
        using var scope = NewDisposeScope();
        var source = new[] { 1f, 2f };
        var made = tensor(source);

        source[0] = 9;

        Assert.Equal([1f, 2f], made.data<float>().ToArray());
    }

    [Fact]
    public void Sizes_can_be_given_one_by_one_or_as_a_list()
    {
        using var scope = NewDisposeScope();

        Assert.Equal([2L], zeros(2).shape);
        Assert.Equal([2L, 3L], ones(2, 3).shape);
        Assert.Equal([2L, 3L, 4L], empty(2, 3, 4).shape);
        Assert.Equal([2L, 3L, 4L, 5L], rand(2, 3, 4, 5).shape);
        Assert.Equal([1L, 2L, 3L, 4L, 1L], randn([1, 2, 3, 4, 1]).shape);
        Assert.Empty(zeros(Array.Empty<long>()).shape);
        Assert.Equal([3L, 3L], eye(3).shape);
        Assert.Equal((ScalarType.Float32, ScalarType.Int64, ScalarType.Bool), (full(1, 2.5).dtype, full(1, 2).dtype, full(1, true).dtype));
        Assert.Equal(ScalarType.Float64, empty_like(zeros(1, dtype: ScalarType.Float64)).dtype);
    }

    [Fact]
    public void A_new_tensor_can_be_a_leaf()
    {
        using var scope = NewDisposeScope();

        Assert.All(
            [tensor([1f], requires_grad: true), zeros(1, requires_grad: true), rand([2], requires_grad: true), full(1, 2.0, requires_grad: true)],
            made => Assert.True(made.requires_grad && made.is_leaf));
    }

    [Fact]
    public void Random_numbers_keep_to_their_ranges()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var (uniform, normal) = (rand([4000], generator: generator), randn([4000], generator: generator));
        var (whole, order) = (randint(3, 7, [4000], generator: generator), randperm(50, generator: generator));

        Assert.True(uniform.min().ToDouble() >= 0 && uniform.max().ToDouble() < 1);
        Assert.Equal(0.5, uniform.mean().ToDouble(), 0.02);
        Assert.Equal(0, normal.mean().ToDouble(), 0.05);
        Assert.Equal(1, normal.std().ToDouble(), 0.05);
        Assert.Equal([3L, 4L, 5L, 6L], whole.unique().output.data<long>().ToArray());
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (long)i), order.sort().Values.data<long>().ToArray());
        Assert.Equal(2, zeros(1000).normal_(2, 0.1, generator).mean().ToDouble(), 0.02);
        Assert.Equal(3, torch.normal(3, 0.1, [1000L], generator: generator).mean().ToDouble(), 0.02);
        Assert.Equal(1.5, zeros(2000).uniform_(1, 2, generator).mean().ToDouble(), 0.03);
        Assert.Equal(0.25, zeros(4000).bernoulli_(0.25, generator).mean().ToDouble(), 0.03);
        Assert.Equal([0L, 2L], tensor([0.5, 0, 0.5]).multinomial(500, replacement: true, generator).unique().output.data<long>().ToArray());
    }
}
