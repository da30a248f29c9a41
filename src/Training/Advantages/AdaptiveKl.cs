namespace Plumbline.Training;

/// <summary>Raises the penalty's coefficient while the divergence is above its target, lowers it while below (arXiv 1909.08593, section 2.2).</summary>
[Controller("adaptive-kl", Paper = "1909.08593", Title = "Fine-Tuning Language Models from Human Preferences")]
public sealed class AdaptiveKl(AdaptiveKlOptions options) : IController
{
    private const double LargestError = 0.2;

    /// <inheritdoc/>
    public string Measures => options.Metric;

    /// <inheritdoc/>
    public double Next(ControlState state) => state.Measured is { } measured ? Next(state.Value, measured, state.Completions, options) : state.Value;

    /// <summary>err = clamp(mean_kl/target - 1, ±0.2);  kl_coef ← kl_coef (1 + err · n_steps/horizon).</summary>
    /// <param name="klCoef">The coefficient in force.</param>
    /// <param name="meanKl">The divergence measured, in nats a completion.</param>
    /// <param name="nSteps">Completions in the batch.</param>
    /// <param name="options">Target and horizon.</param>
    /// <returns>The next coefficient.</returns>
    [Target("ppo/adaptive_kl")]
    public static double Next(double klCoef, double meanKl, int nSteps, AdaptiveKlOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var error = Math.Clamp((meanKl / options.Target) - 1, -LargestError, LargestError);
        return klCoef * (1 + (error * nSteps / options.Horizon));
    }
}
