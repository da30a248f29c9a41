namespace Plumbline.Training.Diffusion;

/// <summary>Coefficients a row, and what they stand before.</summary>
public static class Coefficients
{
    /// <summary>[B] as [B,1,…] in the dtype and on the device of what it is multiplied with.</summary>
    /// <exception cref="InvalidInputException">Other rows; the message holds <c>shape</c>.</exception>
    public static Tensor Over(Tensor coefficient, Tensor values)
    {
        ArgumentNullException.ThrowIfNull(coefficient);
        ArgumentNullException.ThrowIfNull(values);
        var rank = (int)values.dim();
        if (coefficient.dim() != 1 || rank == 0 || coefficient.shape[0] != values.shape[0])
        {
            throw new InvalidInputException($"the shape [{string.Join(',', coefficient.shape)}] of a coefficient does not fit values of shape [{string.Join(',', values.shape)}]; it must be [B], one a row");
        }

        var shape = new long[rank];
        Array.Fill(shape, 1);
        shape[0] = -1;
        return coefficient.to(values.dtype, values.device).reshape(shape);
    }

    /// <summary>In float32 or better: what is made of a network's output in half precision is computed in single precision.</summary>
    public static Tensor Precise(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? values.to_type(ScalarType.Float32) : values;
    }

    /// <summary>[B]: the mean over everything but the rows.</summary>
    public static Tensor RowMean(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.flatten(1).mean([1]);
    }

    internal static void RequireSameShape(Tensor first, string firstName, Tensor second, string secondName) =>
        new Batch().With(firstName, first).With(secondName, second).RequireSameShape(firstName, secondName);
}
