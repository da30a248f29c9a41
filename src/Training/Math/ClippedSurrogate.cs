namespace Plumbline.Training;

/// <summary>The clipped policy gradient (PPO, arXiv 1707.06347) and what it says of a batch.</summary>
public static class ClippedSurrogate
{
    /// <summary>-min(f·A, clamp(ρ, 1-ε_low, 1+ε_high)·A), where f is ρ, or min(ρ, δ).</summary>
    /// <param name="ratio">[N,T] ρ, with gradient.</param>
    /// <param name="advantages">[N,T] or [N,1]; a constant.</param>
    /// <param name="low">ε_low.</param>
    /// <param name="high">ε_high.</param>
    /// <param name="delta">δ: bounds the loss where the advantage is negative too (two-sided clip); null: it does not.</param>
    /// <returns>[N,T] loss of each token.</returns>
    public static Tensor PerToken(Tensor ratio, Tensor advantages, double low, double high, double? delta = null)
    {
        ArgumentNullException.ThrowIfNull(ratio);
        ArgumentNullException.ThrowIfNull(advantages);
        var constant = advantages.detach();
        var free = delta is { } bound ? ratio.clamp_max(bound) : ratio;
        return -(free * constant).minimum(ratio.clamp(1 - low, 1 + high) * constant);
    }

    /// <summary>The share of tokens that the clip stops: below with a negative advantage, above with a positive one, either.</summary>
    /// <param name="ratio">[N,T].</param>
    /// <param name="advantages">[N,T] or [N,1].</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="low">ε_low.</param>
    /// <param name="high">ε_high.</param>
    /// <returns>[] each, without gradient.</returns>
    public static (Tensor Low, Tensor High, Tensor Region) ClipRatios(Tensor ratio, Tensor advantages, Tensor mask, double low, double high)
    {
        ArgumentNullException.ThrowIfNull(ratio);
        ArgumentNullException.ThrowIfNull(advantages);
        var below = Masked.Indicator(ratio.lt(1 - low).logical_and(advantages.lt(0)), ratio);
        var above = Masked.Indicator(ratio.gt(1 + high).logical_and(advantages.gt(0)), ratio);
        return (Masked.Mean(below, mask), Masked.Mean(above, mask), Masked.Mean(below + above, mask));
    }
}
