namespace Plumbline.Tests.Tensors;

public class TensorTests
{
    [Fact]
    public void A_tensor_knows_its_shape_type_and_place()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, 4, dtype: ScalarType.Float64);
        var view = x.transpose(0, 2);

        Assert.Equal([2L, 3L, 4L], x.shape);
        Assert.Equal((3L, 3L, 24L, 24L, 8L), (x.dim(), x.ndim, x.numel(), x.NumberOfElements, x.ElementSize));
        Assert.Equal((4L, 4L), (x.size(-1), x.size(2)));
        Assert.Equal([12L, 4L, 1L], x.stride());
        Assert.Equal((1L, 12L), (x.stride(-1), x.stride(0)));
        Assert.True(x.is_contiguous() && !view.is_contiguous() && view.contiguous().is_contiguous());
        Assert.Equal((DeviceType.CPU, "cpu", false), (x.device_type, x.device.ToString(), x.is_cuda));
        Assert.True(x.is_floating_point() && !x.is_integral() && arange(1).is_integral());
    }

    [Fact]
    public void A_tensor_shows_its_type_shape_and_few_elements()
    {
        using var scope = NewDisposeScope();
        var disposed = zeros(1);
        disposed.Dispose();

        Assert.Equal("float32[2] {1.5, -2}", tensor([1.5f, -2f]).ToString());
        Assert.Equal("int64[] {7}", tensor(7L).ToString());
        Assert.Equal("bool[100]", zeros(100, dtype: ScalarType.Bool).ToString());
        Assert.Equal("tensor (disposed)", disposed.ToString());
    }

    [Fact]
    public void Item_takes_the_one_element_in_its_own_type()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(1.5f, tensor(1.5f).item<float>());
        Assert.Equal(1.5, tensor(new[,] { { 1.5 } }).item<double>());
        Assert.Equal(3L, tensor(3L).item<long>());
        Assert.True(tensor(true).item<bool>());
        Assert.Equal((Half)0.5, tensor(0.5).half().item<Half>());
        Assert.Contains("float64[2] has 2 elements", Assert.Throws<ArgumentException>(() => tensor([1.0, 2.0]).item<double>()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => tensor(1.5).item<float>());
    }

    [Fact]
    public void Numbers_come_out_in_any_type()
    {
        using var scope = NewDisposeScope();

        Assert.Equal((2.75, 2.75f, 2L, 2, true), (tensor(2.75).ToDouble(), tensor(2.75).ToSingle(), tensor(2.75).ToInt64(), tensor(2.75).ToInt32(), tensor(0.5).ToBoolean()));
        Assert.Equal((1L << 60) + 1, tensor((1L << 60) + 1).ToInt64());
        Assert.Equal((3, 3L, 1.5f, 1.5, true), ((int)tensor(3), (long)tensor(3), (float)tensor(1.5), (double)tensor(1.5), (bool)tensor(true)));
        Assert.Throws<OverflowException>(() => tensor(1L << 40).ToInt32());
        Assert.Contains("float32[2]", Assert.ThrowsAny<Exception>(() => zeros(2).ToDouble()).Message, StringComparison.Ordinal);
        Assert.Equal((ScalarType.Int64, ScalarType.Bool, ScalarType.Float32), (tensor(4L).ToScalar().Type, tensor(true).ToScalar().Type, tensor(1f).ToScalar().Type));
        Assert.Equal((1L << 60) + 1, tensor((1L << 60) + 1).ToScalar().ToInt64());
    }

    [Fact]
    public void Bytes_are_the_memory_itself()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1f, 2f]);

        BitConverter.TryWriteBytes(x.bytes[4..], 5f);
        Assert.Equal(5f, x[1].item<float>());

        x.bytes = new byte[8];
        Assert.Equal([0f, 0f], x.data<float>().ToArray());
        Assert.Throws<InvalidOperationException>(() => x.expand(3, 2).bytes.Length);
    }

    [Fact]
    public void Equality_of_objects_is_identity_and_of_elements_a_tensor()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (tensor([1L, 2L]), tensor([1L, 3L]));

        Assert.True(a.Equals(a) && !a.Equals(a.alias()));
        Assert.Equal([true, false], a.equal(b).data<bool>().ToArray());
        Assert.True(a.allclose(a.clone()) && !a.allclose(b));
    }

    [Fact]
    public void The_least_and_the_largest_can_be_written_to_a_tensor_at_hand()
    {
        using var scope = NewDisposeScope();
        var (x, target) = (arange(6).reshape(2, 3), zeros(2, dtype: ScalarType.Int64));

        Assert.Same(target, x.amax([1L], @out: target));
        Assert.Equal([2L, 5L], target.data<long>().ToArray());
        Assert.Equal([0L, 3L], x.amin([1L], @out: target).data<long>().ToArray());
    }

    [Fact]
    public void Clones_own_their_memory_and_aliases_share_it()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2);
        var (copy, alias, detached) = (x.clone(), x.alias(), x.detach());

        x.fill_(1);

        Assert.Equal([0f, 0f], copy.data<float>().ToArray());
        Assert.Equal([1f, 1f], alias.data<float>().ToArray());
        Assert.Equal([1f, 1f], detached.data<float>().ToArray());
        Assert.NotSame(x, x.cpu());
    }
}
