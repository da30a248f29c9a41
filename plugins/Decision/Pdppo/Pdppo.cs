using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Pdppo;

/// <summary>PDPPO: clipped policy gradient with a ratio for each component of an action, and two critics: of the state before the decision and of the state after it.</summary>
/// <remarks>
/// Inputs: component_logps, old_component_logps, component_entropies [N,T,M]; advantages, values, post_values, returns, mask [N,T]; post_returns [N,T] for
/// separate critics. Outputs: loss, policy_loss, value_loss, clip_fraction, entropy.
/// </remarks>
[Algorithm("pdppo", Loop.Environment, Paper = "2504.05150", Title = "Post-Decision Proximal Policy Optimization with Dual Critic Networks")]
[Default("advantage", "pdppo")]
[Default("optimizer", "adam")]
[Default("max_grad_norm", 1.0)]
[Default("weight_decay", 1e-3)]
[Default("epochs_per_batch", 10)]
[Default("critic_learning_rate", 1e-3)]
[Default("critic_hidden", new[] { 128, 128 })]
public sealed class Pdppo(PdppoOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Entropies;

    /// <inheritdoc/>
    public override IReadOnlyList<string> FurtherInputs => ["component_logps", "old_component_logps", "component_entropies", "post_values", "post_returns"];

    /// <summary>The loss of the decisions that count.</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "advantages", "values", "post_values", "returns", "post_returns");
        batch.RequireSameShape("component_logps", "old_component_logps", "component_entropies");
        Masked.RequireTokens(batch.Mask);
        var kept = batch.Mask.reshape(-1).nonzero().reshape(-1);
        return Loss(
            Kept("component_logps", 2), Kept("old_component_logps", 2), Kept("component_entropies", 2), Kept("advantages", 1), Kept("values", 1), Kept("post_values", 1), Kept("returns", 1),
            options, batch.Has("post_returns") ? Kept("post_returns", 1) : null);

        Tensor Kept(string name, int dimensions) => (dimensions == 2 ? batch[name].reshape(-1, batch[name].shape[^1]) : batch[name].reshape(-1)).index_select(0, kept);
    }

    /// <summary>policy + vf_coef · value - entropy_coef · mean entropy: loss, policy_loss, value_loss, clip_fraction, entropy [].</summary>
    /// <param name="logps">[N,M] of each component of each action.</param>
    /// <param name="oldLogps">[N,M] under the policy that acted; a constant.</param>
    /// <param name="entropies">[N,M].</param>
    /// <param name="advantages">[N]; a constant, the same for every component.</param>
    /// <param name="values">[N] of the states before the decisions, under the current critic.</param>
    /// <param name="postValues">[N] of the states after them.</param>
    /// <param name="returns">[N]; a constant.</param>
    /// <param name="options">Clip, weights, and how the critics learn.</param>
    /// <param name="postReturns">[N] the returns after the decisions, where the critics are separate.</param>
    [Target("pdppo")]
    public static Loss Loss(
        Tensor logps, Tensor oldLogps, Tensor entropies, Tensor advantages, Tensor values, Tensor postValues, Tensor returns, PdppoOptions options, Tensor? postReturns = null)
    {
        ArgumentNullException.ThrowIfNull(logps);
        ArgumentNullException.ThrowIfNull(advantages);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(returns);
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("logps", logps).With("old_logps", oldLogps).With("entropies", entropies).With("advantages", advantages).With("values", values)
            .With("post_values", postValues).With("returns", returns).With("post_returns", postReturns);
        batch.RequireSameShape("logps", "old_logps", "entropies");
        batch.RequireSameShape("values", "advantages", "post_values", "returns", "post_returns");
        batch.RequireSameRows("logps", "values");
        // Components are not multiplied into one ratio: each has its own clip.
        var ratio = (logps - oldLogps.detach()).exp();
        var shared = advantages.detach().unsqueeze(1);
        var policy = ClippedSurrogate.PerToken(ratio, shared, options.ClipRange, options.ClipRange).mean();
        var (_, _, clipped) = ClippedSurrogate.ClipRatios(ratio.detach(), shared, ones_like(ratio), options.ClipRange, options.ClipRange);
        var target = returns.detach();
        var value = options.Critic switch
        {
            CriticLoss.Separate => (values - target).square().mean() + (postValues - batch["post_returns"].detach()).square().mean(),
            CriticLoss.Max => (values.maximum(postValues) - target).square().mean(),
            _ => (values.minimum(postValues) - target).square().mean(),
        };
        var entropy = entropies.mean();
        return new Loss(policy + (options.VfCoef * value) - (options.EntropyCoef * entropy))
        {
            ["policy_loss"] = policy.detach(),
            ["value_loss"] = value.detach(),
            ["clip_fraction"] = clipped,
            ["entropy"] = entropy.detach(),
        };
    }
}
