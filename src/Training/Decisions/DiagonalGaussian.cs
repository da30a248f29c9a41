using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Normal distributions whose dimensions are independent; the last dimension of a tensor is that of the distribution.</summary>
public static class DiagonalGaussian
{
    private static readonly double LogTwoPi = Math.Log(2 * Math.PI);

    /// <summary>log N(x; mean, exp(log_std)²) = Σ_d [-z²/2 - log_std - log(2π)/2], z = (x - mean)/exp(log_std).</summary>
    /// <param name="values">[…,D] x.</param>
    /// <param name="mean">[…,D].</param>
    /// <param name="logStd">[…,D], or what broadcasts to it.</param>
    /// <returns>[…].</returns>
    public static Tensor Logps(Tensor values, Tensor mean, Tensor logStd)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(logStd);
        var z = (values - mean) * (-logStd).exp();
        return (-(z.square() / 2) - logStd - (LogTwoPi / 2)).sum(-1);
    }

    /// <summary>KL(new || old) = Σ_d [old_log_std - log_std + (exp(2 log_std) + (mean - old_mean)²)/(2 exp(2 old_log_std)) - ½].</summary>
    /// <param name="mean">[…,D].</param>
    /// <param name="logStd">[…,D], or what broadcasts to it.</param>
    /// <param name="oldMean">[…,D].</param>
    /// <param name="oldLogStd">[…,D], or what broadcasts to it.</param>
    /// <returns>[…]; at least 0, and 0 where both are the same.</returns>
    public static Tensor Kl(Tensor mean, Tensor logStd, Tensor oldMean, Tensor oldLogStd)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(logStd);
        ArgumentNullException.ThrowIfNull(oldLogStd);
        return (oldLogStd - logStd + (((2 * logStd).exp() + (mean - oldMean).square()) / (2 * (2 * oldLogStd).exp())) - 0.5).sum(-1);
    }

    /// <summary>Σ_d [log_std + log(2πe)/2], nats.</summary>
    /// <param name="logStd">[…,D].</param>
    /// <returns>[…].</returns>
    public static Tensor Entropy(Tensor logStd)
    {
        ArgumentNullException.ThrowIfNull(logStd);
        return (logStd + ((LogTwoPi + 1) / 2)).sum(-1);
    }
}
