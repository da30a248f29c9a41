using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PfPpo;

/// <summary>PF-PPO: PPO on the responses whose rewards can be trusted: of several a prompt the best and the worst, or the best and a random other.</summary>
/// <remarks>
/// Inputs: logps, old_logps, advantages, mask [N,T]; sample_weights [N], absent: all alike; values, old_values, returns [N,T] where a critic trains along.
/// Outputs: loss, and the parts' metrics. No correction for the filter: what it keeps counts as sampled by the policy.
/// </remarks>
[Algorithm("pf-ppo", Loop.ActorCritic, Paper = "2409.06957", Title = "Policy Filtration in RLHF to Fine-Tune LLM for Code Generation")]
[Default("filter", "pf-ppo")]
[Default("sampler.group_size", 5)]
[Default("epochs_per_batch", 3)]
[Default("critic", "network")]
[Default("learning_rate", 5e-7)]
[Default("critic_learning_rate", 9e-6)]
public sealed class PfPpo(PfPpoOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> FurtherInputs => ["sample_weights"];

    /// <summary>Σ w max(-A ρ, -A clip(ρ)) / Σ w over all tokens, where w is the response's weight; and the critic's clipped loss, weighted alike.</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "advantages", "mask", "values", "old_values", "returns");
        var weights = Weights(batch);
        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var advantages = options.WhitenKept ? Whitened(batch.Advantages) : batch.Advantages;
        var policy = Mean(ClippedSurrogate.PerToken(ratio, advantages, options.ClipRange, options.ClipRange));
        var (_, _, clipped) = ClippedSurrogate.ClipRatios(ratio.detach(), advantages, batch.Mask, options.ClipRange, options.ClipRange);
        if (!batch.Has("values"))
        {
            return new Loss(policy) { ["policy_loss"] = policy.detach(), ["clip_fraction"] = clipped };
        }

        var value = Mean(ClippedValue.PerToken(batch.Values, batch.OldValues, batch.Returns, options.ClipRangeValue));
        return new Loss(policy + (options.VfCoef * value)) { ["policy_loss"] = policy.detach(), ["value_loss"] = value.detach(), ["clip_fraction"] = clipped };

        Tensor Mean(Tensor perToken) => (perToken * weights).sum() / weights.sum();
        Tensor Whitened(Tensor values) => (values - Mean(values)) * (Mean((values - Mean(values)).square()) + 1e-8).rsqrt();
    }

    /// <summary>[N,T] each token's weight: its response's.</summary>
    private static Tensor Weights(ActorCriticBatch batch)
    {
        var weights = batch.Mask;
        if (batch.Find("sample_weights") is { } given)
        {
            batch.RequireSameRows("logps", "sample_weights");
            if (given.min().ToDouble() < 0)
            {
                throw new InvalidInputException($"sample_weights must be >= 0, and one is {given.min().ToDouble()}");
            }

            weights = weights * given.unsqueeze(1);
        }

        Masked.RequireTokens(weights);
        return weights;
    }
}
