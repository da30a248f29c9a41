namespace Plumbline.Training;

/// <summary>Options of <see cref="Whitening.Whiten"/>.</summary>
public sealed record WhiteningOptions
{
    /// <summary>Subtract the mean; false keeps it.</summary>
    public bool ShiftMean { get; init; } = true;

    /// <summary>Divide the squares by n-1; false divides by n.</summary>
    public bool Unbiased { get; init; } = true;

    /// <summary>Added to the variance, inside the root.</summary>
    [Positive]
    public double Eps { get; init; } = 1e-8;
}

/// <summary>Values to mean 0 and variance 1 over all tokens of a batch.</summary>
public static class Whitening
{
    /// <summary>w = (v - μ)/√(σ² + ε)·m, over the tokens where the mask is 1; a single token becomes 0 (plus the mean, where that is kept).</summary>
    /// <param name="values">[N,T].</param>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <param name="options">What is subtracted, and what divides.</param>
    /// <returns>[N,T]; 0 where masked.</returns>
    /// <exception cref="InvalidInputException">Shapes differ, or no token counts.</exception>
    [Target("ppo/whiten")]
    public static Tensor Whiten(Tensor values, Tensor mask, WhiteningOptions options)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("values", values).With("mask", mask).RequireSameShape("values", "mask");
        Masked.RequireTokens(mask);
        var mean = Masked.Mean(values, mask);
        var centred = values - mean;
        var count = options.Unbiased ? (mask.sum() - 1).clamp_min(1) : mask.sum();
        var variance = (centred.square() * mask).sum() / count;
        var white = centred * (variance + options.Eps).rsqrt();
        return (options.ShiftMean ? white : white + mean) * mask;
    }
}
