using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>DDPO: the steps of a sampler as a decision process, with a clipped policy gradient on their densities and a reward for the final sample alone.</summary>
/// <remarks>
/// Inputs: logps, mask [N,S]; old_logps, absent on the first update, where the ratio is exactly 1; advantages [N] or [N,S]; step_kl [N,S] where
/// kl_weight &gt; 0. Outputs: loss, policy_loss, kl, approx_kl, clip_fraction.
/// </remarks>
[Algorithm("ddpo", Loop.DiffusionRollouts, Paper = "2305.13301", Title = "Training Diffusion Models with Reinforcement Learning")]
[Default("weight_decay", 1e-4)]
public sealed class Ddpo(DdpoOptions options) : TransitionObjective
{
    /// <inheritdoc/>
    public override bool OnPolicyOnly => options.Estimator == PolicyGradient.Sf;

    /// <inheritdoc/>
    public override ITransitionAdvantage Advantage => new PerPrompt(new PerPromptOptions());

    /// <inheritdoc/>
    public override Needs Needs => options.KlWeight > 0 ? Needs.Reference : Needs.None;

    /// <summary>A weight of 0 keeps no reference, so a controller can't steer it: let it begin above 0.</summary>
    public override IReadOnlyDictionary<string, double> Coefficients =>
        options.KlWeight > 0 ? new Dictionary<string, double> { ["kl_weight"] = options.KlWeight } : base.Coefficients;

    /// <summary>Equations (4) and (5) of the paper over the steps that the mask keeps, and the step-wise divergence of Flow-GRPO.</summary>
    public override Loss Compute(TransitionBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "mask", "step_kl");
        batch.RequireSameRows("logps", "advantages");
        var (logps, mask) = (batch.Logps, batch.Mask);
        if (mask.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("the 'mask' is 0 everywhere: this batch has no step to learn from");
        }

        var advantages = Advantages(batch);
        var ratio = PolicyRatio.Of(logps, batch.OldLogps, mask);
        var per = options.Estimator == PolicyGradient.Is ? ClippedSurrogate.PerToken(ratio, advantages, options.ClipRange, options.ClipRange) : -advantages * logps;
        var policyLoss = Mean(per, mask);
        var kl = batch.StepKl is { } step ? Mean(step, mask) : zeros_like(policyLoss);
        var moved = (logps - (batch.OldLogps ?? logps)).detach();
        return new Loss(policyLoss + ((batch.Number("kl_weight") ?? options.KlWeight) * kl))
        {
            ["policy_loss"] = policyLoss.detach(),
            ["kl"] = kl.detach(),
            ["approx_kl"] = 0.5 * Mean(moved.square(), mask),
            ["clip_fraction"] = Mean(Masked.Indicator((ratio.detach() - 1).abs().gt(options.ClipRange), mask), mask),
        };
    }

    private Tensor Advantages(TransitionBatch batch)
    {
        var advantages = batch.Advantages.detach().clamp(-options.AdvClipMax, options.AdvClipMax);
        if (advantages.dim() == 1)
        {
            return advantages.unsqueeze(1);
        }

        batch.RequireSameShape("logps", "advantages");
        return advantages;
    }

    /// <summary>Σ v·m / Σ m.</summary>
    private static Tensor Mean(Tensor values, Tensor mask) => (values * mask).sum() / mask.sum();
}
