using Plumbline.Training.Diffusion;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>The steps whose densities the policy gradient is on, as functions by themselves; a stage has them from its sampler.</summary>
public static class Steps
{
    /// <summary>One stochastic step of a flow.</summary>
    /// <param name="prediction">[B,...] velocity.</param>
    /// <param name="noisy">[B,...].</param>
    /// <param name="stepNoise">[B,...] standard normal.</param>
    /// <param name="sigmas">[B].</param>
    /// <param name="nextSigmas">[B].</param>
    /// <param name="options">The form and its scale.</param>
    /// <returns>mean, prev_sample [B,...]; std, coefficient [B]; loss [], the mean square of the mean, for gradients.</returns>
    [Target("ddpo/flow_sde_step")]
    public static Outputs FlowStep(Tensor prediction, Tensor noisy, Tensor stepNoise, Tensor sigmas, Tensor nextSigmas, FlowSdeOptions options)
    {
        new Batch().With("prediction", prediction).With("noisy", noisy).With("step_noise", stepNoise).RequireSameShape("prediction", "noisy", "step_noise");
        var step = FlowSde.Step(prediction, noisy, sigmas, nextSigmas, options);
        return new Outputs
        {
            ["mean"] = step.Mean,
            ["std"] = step.Std,
            ["coefficient"] = FlowSde.Coefficient(sigmas, nextSigmas, options),
            ["prev_sample"] = step.Sample(stepNoise),
            ["loss"] = step.Mean.square().mean(),
        };
    }

    /// <summary>The log-density of where steps of DDIM led.</summary>
    /// <param name="prediction">[B,...] the network's.</param>
    /// <param name="noisy">[B,...] x_t.</param>
    /// <param name="sample">[B,...] where the step led.</param>
    /// <param name="alphasCumprod">[T].</param>
    /// <param name="timesteps">[B] int64.</param>
    /// <param name="prevTimesteps">[B] int64.</param>
    /// <param name="options">The step.</param>
    /// <returns>logps [B]; loss [], minus their mean.</returns>
    [Target("ddpo/ddim_logp")]
    public static Outputs DdimLogp(Tensor prediction, Tensor noisy, Tensor sample, Tensor alphasCumprod, Tensor timesteps, Tensor prevTimesteps, DdimLogpOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Eta == 0)
        {
            throw new InvalidInputException("eta is 0: a deterministic step has no density; set it above 0");
        }

        var step = DiffusionSteps.Ddim(
            prediction, noisy, NoiseSchedule.Gather(alphasCumprod, timesteps), NoiseSchedule.Gather(alphasCumprod, prevTimesteps), options.Eta, options.Prediction);
        var logps = step.LogDensity(sample, options.Reduction);
        return new Outputs { ["logps"] = logps, ["loss"] = -logps.mean() };
    }

    /// <summary>The divergence of a policy's steps from a reference's.</summary>
    /// <param name="means">[N,S,...].</param>
    /// <param name="referenceMeans">[N,S,...].</param>
    /// <param name="stds">[N,S].</param>
    /// <returns>step_kl [N,S]; loss [], its mean.</returns>
    [Target("ddpo/step_kl")]
    public static Outputs StepKl(Tensor means, Tensor referenceMeans, Tensor stds)
    {
        var divergence = StepDivergence.Of(means, referenceMeans, stds);
        return new Outputs { ["step_kl"] = divergence, ["loss"] = divergence.mean() };
    }
}
