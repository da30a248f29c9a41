using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ppo;

/// <summary>PPO: a clipped policy gradient with a learned value function.</summary>
/// <remarks>
/// Inputs, [N,T] each: logps, old_logps, advantages, values, old_values, returns, mask; entropies where entropy_coef is not 0.
/// Outputs: loss, policy_loss, value_loss, and the parts' metrics. Token rewards, advantages and the controller of the penalty are parts of their own.
/// </remarks>
[Algorithm("ppo", Loop.ActorCritic, Paper = "1707.06347", Title = "Proximal Policy Optimization Algorithms")]
[Default("learning_rate", 3e-6)]
[Default("epochs_per_batch", 4)]
[Default("sampler.temperature", 0.7)]
public sealed class Ppo(PpoOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.EntropyCoef != 0 ? Needs.Entropies : Needs.None;

    /// <summary>Equation (9): policy loss + c_v · value loss - c_e · entropy.</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "entropies");
        var policy = PolicyLoss(batch.Logps, batch.OldLogps, batch.Advantages, batch.Mask, options);
        var value = ValueLoss(batch.Values, batch.OldValues, batch.Returns, batch.Mask, options);
        var loss = policy.Value + (options.VfCoef * value.Value);
        if (options.EntropyCoef != 0)
        {
            loss -= options.EntropyCoef * Masked.Mean(batch.Entropies, batch.Mask);
        }

        var result = new Loss(loss);
        if (options.RatioThreshold is { } threshold)
        {
            var kept = Masked.Indicator(policy.Tensor("ratio_mean").le(threshold), loss);
            result = new Loss(loss * kept) { ["skipped"] = 1 - kept };
        }

        result["policy_loss"] = policy.Value.detach();
        result["value_loss"] = value.Value.detach();
        result["clip_fraction"] = policy.Tensor("clip_fraction");
        result["approx_kl"] = policy.Tensor("approx_kl");
        result["ratio_mean"] = policy.Tensor("ratio_mean");
        result["value_clip_fraction"] = value.Tensor("clip_fraction");
        return result;
    }

    /// <summary>Equation (7): -min(ρ A, clamp(ρ, 1-ε, 1+ε) A), the mean over tokens: loss, clip_fraction, approx_kl, ratio_mean [].</summary>
    /// <param name="logps">[N,T] under the current policy.</param>
    /// <param name="oldLogps">[N,T] under the policy that sampled; a constant.</param>
    /// <param name="advantages">[N,T]; a constant.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options"><c>clip_range</c> is read.</param>
    [Target("ppo/policy_loss")]
    public static Loss PolicyLoss(Tensor logps, Tensor oldLogps, Tensor advantages, Tensor mask, PpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(("logps", logps), ("old_logps", oldLogps), ("advantages", advantages), ("mask", mask));
        var ratio = PolicyRatio.Of(logps, oldLogps, mask);
        var per = ClippedSurrogate.PerToken(ratio, advantages, options.ClipRange, options.ClipRange);
        var (_, _, clipped) = ClippedSurrogate.ClipRatios(ratio.detach(), advantages, mask, options.ClipRange, options.ClipRange);
        return new Loss(Masked.Mean(per, mask))
        {
            ["clip_fraction"] = clipped,
            ["approx_kl"] = Masked.Mean(KlEstimates.K2((logps - oldLogps).detach()), mask),
            ["ratio_mean"] = Masked.Mean(ratio.detach(), mask),
        };
    }

    /// <summary>½ max((v - R)², (clamp(v, v_old ± ε) - R)²), the mean over tokens: loss, clip_fraction [].</summary>
    /// <param name="values">[N,T] under the current critic.</param>
    /// <param name="oldValues">[N,T] recorded while sampling; a constant.</param>
    /// <param name="returns">[N,T]; a constant.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options"><c>clip_range_value</c> is read.</param>
    [Target("ppo/value_loss")]
    public static Loss ValueLoss(Tensor values, Tensor oldValues, Tensor returns, Tensor mask, PpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(("values", values), ("old_values", oldValues), ("returns", returns), ("mask", mask));
        var (target, old) = (returns.detach(), oldValues.detach());
        var free = (values - target).square();
        var per = free;
        if (options.ClipRangeValue is { } range)
        {
            per = free.maximum((old + (values - old).clamp(-range, range) - target).square());
        }

        return new Loss(0.5 * Masked.Mean(per, mask)) { ["clip_fraction"] = Masked.Mean(Masked.Indicator(per.gt(free), free), mask) };
    }

    private static void Check(params ReadOnlySpan<(string Name, Tensor Value)> inputs)
    {
        var batch = new Batch();
        foreach (var (name, value) in inputs)
        {
            batch.With(name, value);
            batch.RequireSameShape(inputs[0].Name, name);
        }

        Masked.RequireTokens(batch["mask"]);
    }
}
