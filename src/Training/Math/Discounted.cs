using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Sums over what is still to come in a row.</summary>
public static class Discounted
{
    /// <summary>Σ_{j≥t} factorʲ⁻ᵗ v_j, the recursion A_t = v_t + factor · A_{t+1}.</summary>
    /// <param name="values">[N,T]; 0 where masked.</param>
    /// <param name="factor">The discount of one token.</param>
    /// <returns>[N,T].</returns>
    public static Tensor ToCome(Tensor values, double factor)
    {
        ArgumentNullException.ThrowIfNull(values);
        var sums = values.unbind(1);
        for (var t = sums.Length - 2; t >= 0; t--)
        {
            sums[t] = sums[t] + (factor * sums[t + 1]);
        }

        return stack(sums, 1);
    }

    /// <summary>The value of the next token's state: v_{t+1}, and 0 after the last column.</summary>
    /// <param name="values">[N,T]; 0 where masked.</param>
    /// <returns>[N,T].</returns>
    public static Tensor Next(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return cat([values.narrow(1, 1, values.shape[1] - 1), zeros_like(values.narrow(1, 0, 1))], 1);
    }
}
