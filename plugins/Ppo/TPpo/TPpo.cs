using Plumbline.Training;

namespace Plumbline.Plugins.TPpo;

/// <summary>T-PPO: PPO that updates on rows as they stand, a window of tokens at a time; the critic learns from finished rows alone.</summary>
/// <remarks>
/// Inputs, [N,T] each: logps, old_logps, advantages, values, old_values, value_returns, policy_mask, value_mask; entropies where entropy_coef is not 0.
/// Outputs: loss, policy_loss, value_loss, clip_fraction, approx_kl. The advantage part <c>t-ppo</c> makes the masks and
/// the targets; without them mask and returns stand in, as in PPO.
/// </remarks>
[Algorithm("t-ppo", Loop.ActorCritic, Paper = "2506.15050", Title = "Truncated Proximal Policy Optimization")]
[Default("advantage", "t-ppo")]
[Default("advantage.whiten_advantages", true)]
[Default("critic", "network")]
[Default("window", 8)]
[Default("learning_rate", 1e-6)]
[Default("critic_learning_rate", 2e-6)]
public sealed class TPpo(TPpoOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.EntropyCoef != 0 ? Needs.Entropies : Needs.None;

    /// <inheritdoc/>
    public override IReadOnlyList<string> FurtherInputs => ["policy_mask", "value_mask", "value_returns"];

    /// <summary>Clipped policy loss over this window's tokens + vf_coef · clipped value loss over finished rows.</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "advantages", "values", "old_values", "value_returns", "policy_mask", "value_mask", "entropies");
        var (mask, valueMask, target) = (batch.Find("policy_mask") ?? batch.Mask, batch.Find("value_mask") ?? batch.Mask, batch.Find("value_returns") ?? batch.Returns);
        Masked.RequireTokens(mask + valueMask);

        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, mask);
        var policy = Masked.Mean(ClippedSurrogate.PerToken(ratio, batch.Advantages, options.ClipLow, options.ClipHigh), mask);
        var value = Masked.Mean(ClippedValue.PerToken(batch.Values, batch.OldValues, target, options.ClipRangeValue), valueMask);
        var loss = policy + (options.VfCoef * value);
        if (options.EntropyCoef != 0)
        {
            loss -= options.EntropyCoef * Masked.Mean(batch.Entropies, mask);
        }

        var (_, _, clipped) = ClippedSurrogate.ClipRatios(ratio.detach(), batch.Advantages, mask, options.ClipLow, options.ClipHigh);
        return new Loss(loss)
        {
            ["policy_loss"] = policy.detach(),
            ["value_loss"] = value.detach(),
            ["clip_fraction"] = clipped,
            ["approx_kl"] = Masked.Mean(KlEstimates.K2((batch.Logps - batch.OldLogps).detach()), mask),
        };
    }
}
