using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Standard normal tensors as a pure function of keys.</summary>
public static class GaussianNoise
{
    /// <summary>One row a source of chance (Box and Muller, two numbers a pair of keys).</summary>
    /// <param name="draws">Keyed down to each row.</param>
    /// <param name="shape">The shape of a row.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[B,...shape] float64.</returns>
    public static Tensor Of(IReadOnlyList<Draws> draws, IReadOnlyList<long> shape, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(draws);
        ArgumentNullException.ThrowIfNull(shape);
        var size = (int)shape.Aggregate(1L, (product, dimension) => product * dimension);
        var values = new double[draws.Count * size];
        for (var row = 0; row < draws.Count; row++)
        {
            for (var i = 0; i < size; i += 2)
            {
                var radius = Math.Sqrt(-2 * Math.Log(1 - draws[row].Key(i).Uniform()));
                var (sin, cos) = Math.SinCos(2 * Math.PI * draws[row].Key(i + 1L).Uniform());
                values[(row * size) + i] = radius * cos;
                if (i + 1 < size)
                {
                    values[(row * size) + i + 1] = radius * sin;
                }
            }
        }

        return tensor(values, [draws.Count, .. shape], device: device);
    }
}
