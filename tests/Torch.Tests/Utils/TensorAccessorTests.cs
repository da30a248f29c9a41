namespace Plumbline.Tests.Utils;

public class TensorAccessorTests
{
    [Fact]
    public void Elements_are_read_and_written_in_place()
    {
        using var scope = NewDisposeScope();
        var x = arange(6).reshape(2, 3);
        var data = x.data<long>();

        data[1, 2] = 50;
        data[0] = 9;

        Assert.Equal((6L, 50L, 4L, false), (data.Count, data[5], data[1, 1], data.IsReadOnly));
        Assert.Equal([9, 1, 2, 3, 4, 50], x.reshape(-1).data<long>().ToArray());
    }

    [Fact]
    public void A_view_is_read_and_written_by_its_own_order()
    {
        using var scope = NewDisposeScope();
        var x = arange(6).reshape(2, 3);
        var turned = x.t().data<long>();

        turned[2, 1] = 70;
        turned[1] = 30;

        Assert.Equal([0, 30, 1, 4, 2, 70], turned.ToArray());
        Assert.Equal([0, 30, 1, 4, 2, 70], turned);
        Assert.Equal([0, 1, 2, 30, 4, 70], x.data<long>().ToArray());
        Assert.Equal([7, 7, 7], tensor(7).expand(3).data<int>().ToArray());
    }

    [Fact]
    public void Parts_are_copied_out_and_in()
    {
        using var scope = NewDisposeScope();
        var x = arange(5);
        var array = new long[4];

        x.data<long>().CopyTo(array, 1, 2);
        Assert.Equal([0, 2, 3, 4], array);
        x.data<long>().CopyFrom([90L, 91L, 92L], 1, 3);
        Assert.Equal([0, 1, 2, 91, 92], x.data<long>().ToArray());
        x.flip(0).t().data<long>().CopyTo(array.AsSpan());
        Assert.Equal([92, 91, 2, 1], array);
    }

    [Fact]
    public void Places_outside_are_refused()
    {
        using var scope = NewDisposeScope();
        var data = zeros(2, 3).data<float>();

        Assert.Throws<ArgumentOutOfRangeException>(() => data[6]);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[1, 3]);
        Assert.Throws<ArgumentException>(() => data[1, 1, 1]);
        Assert.Empty(zeros(0).data<float>().ToArray());
        Assert.Equal(5f, tensor(5f).data<float>()[0]);
    }

    [Fact]
    public void Another_type_is_refused_by_name()
    {
        using var scope = NewDisposeScope();

        var refusal = Assert.Throws<ArgumentException>(() => zeros(2).data<double>());

        Assert.Contains("Float32", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Float64", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => zeros(2).data<char>());
    }
}
