using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Steps of a flow that add noise and keep its marginals: x' = x + v dt + ½ c² (v (1-σ) + x)/σ dt + c √-dt ε.</summary>
/// <remarks>
/// The flow is x = (1-σ) x₀ + σ ε with the velocity v = ε - x₀; its score is -(x + (1-σ) v)/σ. Both published forms are this step and differ in c, the
/// coefficient of the noise (Flow-GRPO, arXiv 2505.05470; DanceGRPO, arXiv 2505.07818).
/// </remarks>
public static class FlowSde
{
    /// <summary>The distribution of the next state.</summary>
    /// <param name="velocity">[B,...] what the network predicts.</param>
    /// <param name="noisy">[B,...] the state.</param>
    /// <param name="sigmas">[B] its noise, in (0,1].</param>
    /// <param name="nextSigmas">[B] the next state's noise, below it.</param>
    /// <param name="options">The form and its scale.</param>
    /// <exception cref="InvalidInputException">The sigmas do not fall, or one is 1 and nothing says what to divide by.</exception>
    public static GaussianStep Step(Tensor velocity, Tensor noisy, Tensor sigmas, Tensor nextSigmas, FlowSdeOptions options)
    {
        ArgumentNullException.ThrowIfNull(velocity);
        ArgumentNullException.ThrowIfNull(noisy);
        Coefficients.RequireSameShape(velocity, "prediction", noisy, "noisy");
        var coefficient = Coefficient(sigmas, nextSigmas, options);
        var (x, dt) = (Coefficients.Precise(noisy), nextSigmas - sigmas);
        var drift = Coefficients.Over(coefficient.square() / (2 * sigmas), x) * (x + (Coefficients.Over(1 - sigmas, x) * velocity));
        var mean = x + (Coefficients.Over(dt, x) * (velocity + drift));
        return new GaussianStep(x - (Coefficients.Over(sigmas, x) * velocity), mean, (coefficient * (-dt).sqrt()).to(x.dtype, x.device));
    }

    /// <summary>[B] c, the coefficient of the noise before the root of the time step.</summary>
    /// <param name="sigmas">[B] in (0,1].</param>
    /// <param name="nextSigmas">[B] below them.</param>
    /// <param name="options">The form and its scale.</param>
    /// <exception cref="InvalidInputException">The sigmas do not fall, or one is 1 and nothing says what to divide by.</exception>
    public static Tensor Coefficient(Tensor sigmas, Tensor nextSigmas, FlowSdeOptions options)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        ArgumentNullException.ThrowIfNull(nextSigmas);
        ArgumentNullException.ThrowIfNull(options);
        if (nextSigmas.ge(sigmas).any().ToBoolean() || sigmas.gt(1).any().ToBoolean() || nextSigmas.lt(0).any().ToBoolean())
        {
            throw new InvalidInputException("'next_sigmas' must lie below 'sigmas' in every row, and both in [0,1]: a step goes from more noise to less");
        }

        if (options.Kind == FlowSdeKind.Dance)
        {
            return full_like(sigmas, options.Eta);
        }

        var whole = sigmas.eq(1);
        if (options.FirstSigma is null && whole.any().ToBoolean())
        {
            throw new InvalidInputException("'first_sigma' is needed where a sigma is 1: there the coefficient would divide by 0; give the second entry of the grid");
        }

        return options.NoiseLevel * (sigmas / where(whole, full_like(sigmas, 1 - (options.FirstSigma ?? 0)), 1 - sigmas)).sqrt();
    }
}
