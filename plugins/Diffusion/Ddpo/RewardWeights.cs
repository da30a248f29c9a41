using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>Rewards to weights of a regression on the policy's own samples (RWR, the paper's baseline).</summary>
public static class RewardWeights
{
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
