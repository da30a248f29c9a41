using static TorchSharp.torch.TensorIndex;

namespace Plumbline.Tests.Tensors;

public class IndexingTests
{
    [Fact]
    public void Numbers_take_one_place_along_an_axis()
    {
        using var scope = NewDisposeScope();
        var x = Cube();

        Assert.Equal(9, x[1, 1, 1].item<long>());
        Assert.Equal([2, 3], x[-2, 1].data<long>().ToArray());
        Assert.Equal([10, 11], x[^1, ^1].data<long>().ToArray());
        Assert.Equal(x.shape[1..], x[0].shape);
    }

    [Fact]
    public void Ranges_take_a_part()
    {
        using var scope = NewDisposeScope();
        var x = arange(6);

        Assert.Equal([1, 2], x[1..3].data<long>().ToArray());
        Assert.Equal([4, 5], x[^2..].data<long>().ToArray());
        Assert.Equal([0, 1, 2, 3], x[..^2].data<long>().ToArray());
        Assert.Equal([0, 2, 4], x[Slice(step: 2)].data<long>().ToArray());
        Assert.Equal([1, 3], x[Slice(1, 5, 2)].data<long>().ToArray());
        Assert.Equal([2, 3], x[(2, 4)].data<long>().ToArray());
        Assert.Equal([3, 4, 5], x[(3, null)].data<long>().ToArray());
        Assert.Equal([0L], x[5..3].shape);
    }

    [Fact]
    public void Ellipsis_colon_and_new_axes_keep_their_places()
    {
        using var scope = NewDisposeScope();
        var x = Cube();

        Assert.Equal([2L, 3L], x[Ellipsis, 0].shape);
        Assert.Equal([2L, 2L], x[Colon, 1].shape);
        Assert.Equal([2L, 1L, 3L, 1L, 2L], x[Colon, Null, Ellipsis, None, Colon].shape);
        Assert.Equal(x.data<long>().ToArray(), x[Ellipsis].data<long>().ToArray());
    }

    [Fact]
    public void Views_share_the_memory_and_copies_do_not()
    {
        using var scope = NewDisposeScope();
        var x = arange(4);

        x[1..3].fill_(9);
        x[tensor([0L, 3L])].fill_(7);

        Assert.Equal([0, 9, 9, 3], x.data<long>().ToArray());
    }

    [Fact]
    public void Tensors_of_numbers_pick_places_and_masks_pick_what_is_true()
    {
        using var scope = NewDisposeScope();
        var x = Cube();

        Assert.Equal([10, 11, 0, 1], x[tensor([1L, 0L]), tensor([2L, 0L])].data<long>().ToArray());
        Assert.Equal([8, 9, 10, 11], x[x > 7].data<long>().ToArray());
        Assert.Equal([6, 7, 10, 11], x[1, Tensor(tensor([true, false, true]))].data<long>().ToArray());
        Assert.Equal([2L, 2L, 2L], x[Colon, Tensor(tensor([true, false, true]))].shape);
        Assert.Equal([2L, 2L], x[Ellipsis, Tensor(tensor([true, false, true])), 0].shape);
        Assert.Equal([2, 8], x.index(Colon, Tensor(tensor(1L)), 0L).data<long>().ToArray());
    }

    [Fact]
    public void Setting_writes_through_every_kind_of_index()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, dtype: ScalarType.Int64);

        x[0, 1] = tensor(5L);
        x[1] = tensor([1L, 2L, 3L]);
        x[Colon, 0] = tensor(9L);
        x[x == 3] = tensor(8L);
        x[tensor([0L]), tensor([2L])] = tensor([7L]);

        Assert.Equal([9, 5, 7, 9, 2, 8], x.data<long>().ToArray());
    }

    [Fact]
    public void Index_put_adds_where_asked()
    {
        using var scope = NewDisposeScope();
        var x = zeros(3, dtype: ScalarType.Int64);

        x.index_put_(tensor([1L, 2L, 4L]), [tensor([0L, 0L, 2L])], accumulate: true);
        x.index_put_(tensor(10L), [(TensorIndex)1], accumulate: true);

        Assert.Equal([3, 10, 4], x.data<long>().ToArray());
    }

    [Fact]
    public void Indices_that_do_not_fit_are_named()
    {
        using var scope = NewDisposeScope();
        var x = Cube();

        Assert.Contains("4 indices for int64[2,3,2]", Assert.ThrowsAny<Exception>(() => x[0, 0, 0, 0]).Message, StringComparison.Ordinal);
        Assert.Contains("select(int64[2,3,2], 0, 2)", Assert.ThrowsAny<Exception>(() => x[2]).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => x[tensor([5L])]);
        Assert.ThrowsAny<Exception>(() => x[ones(3, dtype: ScalarType.Bool)]);
    }

    private static Tensor Cube() => arange(12).reshape(2, 3, 2);
}
