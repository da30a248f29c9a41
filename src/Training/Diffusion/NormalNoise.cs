using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Standard normal tensors of which each row depends on its own key alone, whatever the other rows.</summary>
public static class NormalNoise
{
    /// <summary>[B,…shape].</summary>
    /// <param name="rows">A key a row.</param>
    /// <param name="shape">The shape of a row.</param>
    /// <param name="dtype">A floating dtype.</param>
    /// <param name="device">Where.</param>
    public static Tensor Of(IReadOnlyList<Draws> rows, IReadOnlyList<long> shape, ScalarType dtype, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(shape);
        var size = checked((int)shape.Aggregate(1L, (a, b) => a * b));
        long[] whole = [rows.Count, .. shape];
        if (dtype == ScalarType.Float64)
        {
            var doubles = new double[rows.Count * size];
            for (var row = 0; row < rows.Count; row++)
            {
                var (first, key) = (row * size, rows[row]);
                Pairs(size, key, (i, value) => doubles[first + i] = value);
            }

            return tensor(doubles, whole, device: device);
        }

        var floats = new float[rows.Count * size];
        for (var row = 0; row < rows.Count; row++)
        {
            var (first, key) = (row * size, rows[row]);
            Pairs(size, key, (i, value) => floats[first + i] = (float)value);
        }

        return tensor(floats, whole, dtype: dtype, device: device);
    }

    /// <summary>Two numbers of two draws (Box and Muller).</summary>
    private static void Pairs(int count, Draws key, Action<int, double> put)
    {
        for (var i = 0; i < count; i += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - key.Key(i).Uniform()));
            var (sin, cos) = Math.SinCos(2 * Math.PI * key.Key(i + 1).Uniform());
            put(i, radius * cos);
            if (i + 1 < count)
            {
                put(i + 1, radius * sin);
            }
        }
    }
}
