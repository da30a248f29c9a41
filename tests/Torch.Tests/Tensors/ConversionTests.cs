namespace Plumbline.Tests.Tensors;

public class ConversionTests
{
    [Fact]
    public void Every_type_converts_to_every_other()
    {
        using var scope = NewDisposeScope();
        ScalarType[] types = [ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte];
        foreach (var from in types)
        {
            foreach (var to in types)
            {
                var converted = tensor([0.0, 1, 100]).to_type(from).to(to);
                Assert.Equal(to, converted.dtype);
                Assert.Equal([0.0, 1, 100], Same.Values(converted));
            }
        }
    }

    [Fact]
    public void Half_types_compute_and_keep_their_precision()
    {
        using var scope = NewDisposeScope();
        var third = tensor([1 / 3.0]);

        Assert.Equal(0.333984375, Same.Values(third.bfloat16()).Single());
        Assert.Equal((double)(Half)(1 / 3.0), Same.Values(third.half()).Single());
        Assert.Equal(ScalarType.BFloat16, third.bfloat16().matmul(third.bfloat16()).dtype);
        Assert.Equal((2L, 2L), (third.bfloat16().ElementSize, third.half().ElementSize));
        Assert.Equal(256.0, (tensor(256.0).bfloat16() + 1).ToDouble());
    }

    [Fact]
    public void Types_meet_at_the_wider_one()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(ScalarType.Float32, (tensor(1L) + tensor([1f])).dtype);
        Assert.Equal(ScalarType.Float64, (tensor([1f]) + tensor([1.0])).dtype);
        Assert.Equal(ScalarType.Int64, (tensor([1L]) + 1).dtype);
        Assert.Equal(ScalarType.Float32, (tensor([1L]) + 1.5).dtype);
        Assert.Equal(ScalarType.BFloat16, (tensor([1f]).bfloat16() * 1.5).dtype);
        Assert.Equal(ScalarType.Int64, (tensor([true, true]) + tensor([1L, 1L])).dtype);
    }

    [Fact]
    public void A_conversion_to_the_same_type_shares_unless_a_copy_is_asked_for()
    {
        using var scope = NewDisposeScope();
        var x = zeros(1);
        var (shared, copied) = (x.to(ScalarType.Float32), x.to(ScalarType.Float32, copy: true));

        x.fill_(1);

        Assert.Equal((1f, 0f), (shared.item<float>(), copied.item<float>()));
        Assert.Equal(ScalarType.Float64, x.to(zeros(1, dtype: ScalarType.Float64)).dtype);
        Assert.Equal(ScalarType.Int64, x.to(ScalarType.Int64, CPU).dtype);
        Assert.Equal("cpu", x.to("cpu").device.ToString());
        x.to(ScalarType.Int32, disposeAfter: true);
        Assert.True(x.IsInvalid);
    }

    [Fact]
    public void A_gradient_goes_back_through_a_conversion()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0, 2.0], requires_grad: true);

        x.@float().square().sum().backward();

        Assert.Equal(ScalarType.Float64, x.grad!.dtype);
        Assert.Equal([2.0, 4.0], Same.Values(x.grad));
    }
}
