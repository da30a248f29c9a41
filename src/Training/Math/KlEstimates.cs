namespace Plumbline.Training;

/// <summary>Estimates of KL(p || q) at a token drawn from p, from d = log p - log q; nats. All are 0 where d is 0.</summary>
/// <remarks>Names and comparison: J. Schulman, "Approximating KL divergence". k1 is unbiased, k2 is not, k3 is unbiased and never negative.</remarks>
public static class KlEstimates
{
    /// <summary>d.</summary>
    public static Tensor K1(Tensor d) => d;

    /// <summary>d²/2.</summary>
    public static Tensor K2(Tensor d)
    {
        ArgumentNullException.ThrowIfNull(d);
        return d.square() / 2;
    }

    /// <summary>e⁻ᵈ - 1 + d.</summary>
    public static Tensor K3(Tensor d) => (-d).expm1() + d;

    /// <summary>|d|.</summary>
    public static Tensor Abs(Tensor d)
    {
        ArgumentNullException.ThrowIfNull(d);
        return d.abs();
    }
}
