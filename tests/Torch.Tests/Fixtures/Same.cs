namespace Plumbline.Tests;

/// <summary>Whether tensors agree.</summary>
internal static class Same
{
    /// <summary>Equal shapes, and elements that agree to a relative or an absolute error; two that are not numbers agree.</summary>
    internal static void Close(Tensor expected, Tensor actual, double relative = 1e-9, double absolute = 1e-11, string what = "")
    {
        Assert.Equal(expected.shape, actual.shape);
        var (wanted, found) = (Values(expected), Values(actual));
        for (var i = 0; i < wanted.Length; i++)
        {
            var close = wanted[i].Equals(found[i]) || Math.Abs(wanted[i] - found[i]) <= absolute + (relative * Math.Abs(wanted[i]));
            Assert.True(close, $"{what} element {i}: expected {wanted[i]}, found {found[i]}\n  expected {expected}\n  found    {actual}");
        }
    }

    internal static double[] Values(Tensor tensor) => tensor.detach().to_type(ScalarType.Float64).data<double>().ToArray();
}
