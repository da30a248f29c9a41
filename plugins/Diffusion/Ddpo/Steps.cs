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
            ["coefficient"] = step.Coefficient,
            ["prev_sample"] = step.Sample(stepNoise),
            ["loss"] = step.Mean.square().mean(),
        };
    }

    /// <summary>The divergence of a policy's steps from a reference's.</summary>
    /// <param name="means">[N,S,...].</param>
    /// <param name="referenceMeans">[N,S,...].</param>
    /// <param name="stds">[N,S].</param>
    /// <returns>step_kl [N,S]; loss [], its mean.</returns>
    [Target("ddpo/step_kl")]
    public static Outputs StepKl(Tensor means, Tensor referenceMeans, Tensor stds)
    {
        var divergence = GaussianStep.Divergence(means, referenceMeans, stds);
        return new Outputs { ["step_kl"] = divergence, ["loss"] = divergence.mean() };
    }
}
