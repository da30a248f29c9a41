using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>The squared error of a critic that may not move far from what it said while sampling (PPO).</summary>
public static class ClippedValue
{
    /// <summary>½ max((v - R)², (clamp(v, v_old ± range) - R)²).</summary>
    /// <param name="values">[N,T] under the current critic, with gradient.</param>
    /// <param name="oldValues">[N,T] recorded while sampling; a constant.</param>
    /// <param name="returns">[N,T] R; a constant.</param>
    /// <param name="range">How far a value may move; null: as far as it likes.</param>
    /// <returns>[N,T] loss of each token.</returns>
    public static Tensor PerToken(Tensor values, Tensor oldValues, Tensor returns, double? range)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(oldValues);
        ArgumentNullException.ThrowIfNull(returns);
        var (target, old) = (returns.detach(), oldValues.detach());
        var free = (values - target).square();
        return 0.5 * (range is { } far ? free.maximum((old + (values - old).clamp(-far, far) - target).square()) : free);
    }
}
