using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>Reward-weighted regression, the paper's baseline: the denoising loss on the policy's own samples, each with a weight by its advantage.</summary>
/// <remarks>Inputs: errors, mask, advantages [N]. Outputs: loss, weight_max (the largest weight; N is the most it can be).</remarks>
[Objective("rwr")]
public sealed class RewardWeights(RewardWeightsOptions options) : TransitionObjective
{
    /// <inheritdoc/>
    public override LearnsFrom LearnsFrom => LearnsFrom.Samples;

    /// <inheritdoc/>
    public override ITransitionAdvantage Advantage => new PerPrompt(new PerPromptOptions());

    /// <summary>The mean over samples of weight times denoising error.</summary>
    public override Loss Compute(TransitionBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("errors", "mask", "advantages");
        var weights = Of(batch.Advantages.detach(), options).Tensor("weights") * batch.Mask;
        return new Loss((weights * batch["errors"]).mean()) { ["weight_max"] = weights.max() };
    }

    /// <summary>N · softmax(r · inverse_temperature), or 1 from the threshold on.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="options">The kind.</param>
    /// <returns>weights [N]; of kind exponential their mean is 1.</returns>
    [Target("ddpo/rwr_weights")]
    public static Outputs Of(Tensor rewards, RewardWeightsOptions options)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(options);
        return new Outputs
        {
            ["weights"] = options.Kind == RegressionWeight.Exponential
                ? rewards.shape[0] * (rewards * options.InverseTemperature).softmax(0)
                : rewards.ge(options.Threshold!.Value).to_type(rewards.dtype),
        };
    }
}
