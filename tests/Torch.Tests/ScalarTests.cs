namespace Plumbline.Tests;

public class ScalarTests
{
    [Fact]
    public void A_number_of_any_type_becomes_a_scalar_of_that_type()
    {
        Scalar[] all = [(byte)1, (sbyte)1, (short)1, 1, 1L, (Half)1, 1f, 1.0, true];

        Assert.Equal(
            [ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Float16, ScalarType.Float32, ScalarType.Float64, ScalarType.Bool],
            all.Select(scalar => scalar.Type));
        Assert.All(all, scalar => Assert.Equal((1.0, 1f, 1L, 1, true), (scalar.ToDouble(), scalar.ToSingle(), scalar.ToInt64(), scalar.ToInt32(), scalar.ToBoolean())));
    }

    [Fact]
    public void Whole_numbers_stay_whole_and_reals_are_cut()
    {
        Assert.Equal((1L << 60) + 1, ((Scalar)((1L << 60) + 1)).ToInt64());
        Assert.Equal((2L, true, false), (2.9.ToScalar().ToInt64(), 0.5.ToScalar().ToBoolean(), 0.ToScalar().ToBoolean()));
        Assert.Equal(("2.5", "3"), (2.5.ToScalar().ToString(), 3.ToScalar().ToString()));
    }

    [Fact]
    public void An_operator_keeps_whole_numbers_whole()
    {
        using var scope = NewDisposeScope();

        Assert.Equal((1L << 60) + 2, (tensor((1L << 60) + 1) + 1).item<long>());
        Assert.Equal(ScalarType.Bool, full(1, true).dtype);
    }
}
