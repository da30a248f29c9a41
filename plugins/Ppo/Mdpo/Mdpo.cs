using Plumbline.Training;
using Plumbline.Training.Decisions;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Mdpo;

/// <summary>MDPO: several steps on a linearised return minus the divergence from the previous policy, whose weight grows over the iterations.</summary>
/// <remarks>
/// Inputs, [N,T] each: logps, old_logps, advantages, mask; kl, the divergence of the policy from the previous one at each state, where the loop can
/// tell it (else it is estimated from the samples); the plain numbers iteration and iterations, where the step size follows a schedule; step_size, which
/// takes the schedule's place. Outputs: loss, gain, mean_kl, and the step size in force. The critic learns by itself, or by a term.
/// </remarks>
[Algorithm("mdpo", Loop.Environment, Paper = "2005.09814", Title = "Mirror Descent Policy Optimization")]
[Default("advantage", "mdpo")]
[Default("optimizer", "adam")]
[Default("adam_epsilon", 1e-5)]
[Default("max_grad_norm", 0.5)]
[Default("epochs_per_batch", 10)]
[Default("critic_epochs", 3)]
[Default("critic_batch_size", 128)]
[Default("critic_clip_range", 0.2)]
public sealed class Mdpo(MdpoOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> FurtherInputs => ["kl"];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["step_size"] = options.StepSize };

    /// <summary>KL(π || π_k)/t_k - E[π/π_k · A], the means over the batch.</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "old_logps", "advantages", "mask", "kl");
        Masked.RequireTokens(batch.Mask);
        var step = batch.Number("step_size") ?? Scheduled(batch);
        if (step <= 0)
        {
            throw new InvalidInputException($"step_size is {step}; it divides the divergence, and must be above 0");
        }

        var difference = (batch.Logps - batch.OldLogps.detach()) * batch.Mask;
        var ratio = difference.exp();
        var gain = Masked.Mean(ratio * batch.Advantages.detach(), batch.Mask);
        // Under samples of the old policy the weighted log-ratio has the expectation KL(new || old).
        var kl = Masked.Mean(batch.Find("kl") ?? (ratio * difference), batch.Mask);
        return new Loss((kl / step) - gain) { ["gain"] = gain.detach(), ["mean_kl"] = kl.detach(), ["step_size"] = step, ["kl_coef"] = 1 / step };
    }

    /// <summary>t_k of iteration k of K, from 0: step_size, and kl_coef = 1/t_k.</summary>
    /// <exception cref="InvalidInputException">The iteration lies outside [0, iterations).</exception>
    [Target("mdpo/step_size")]
    public static Outputs StepSize(int iteration, int iterations, StepSizeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var step = At(iteration, iterations, options.Schedule, options.Initial);
        return new Outputs { ["step_size"] = step, ["kl_coef"] = 1 / step };
    }

    /// <summary>(A - mean)/(std + eps) · m over the whole batch, the variance divided by n: advantages [N,T].</summary>
    /// <param name="advantages">[N,T].</param>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <param name="options">What is added to the standard deviation.</param>
    [Target("mdpo/standardize")]
    public static Outputs Standardize(Tensor advantages, Tensor mask, StandardizeOptions options)
    {
        ArgumentNullException.ThrowIfNull(advantages);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("advantages", advantages).With("mask", mask).RequireSameShape("advantages", "mask");
        Masked.RequireTokens(mask);
        var centred = advantages - Masked.Mean(advantages, mask);
        return new Outputs { ["advantages"] = centred / (Masked.Mean(centred.square(), mask).sqrt() + options.Eps) * mask };
    }

    /// <summary>KL(new || old) of diagonal Gaussians, and the entropy of the new: kl, entropy [N]; loss [], the mean divergence.</summary>
    /// <param name="mean">[…,D].</param>
    /// <param name="logStd">[…,D].</param>
    /// <param name="oldMean">[…,D].</param>
    /// <param name="oldLogStd">[…,D].</param>
    [Target("mdpo/gaussian_kl")]
    public static Loss GaussianKl(Tensor mean, Tensor logStd, Tensor oldMean, Tensor oldLogStd)
    {
        new Batch().With("mean", mean).With("log_std", logStd).With("old_mean", oldMean).With("old_log_std", oldLogStd).RequireSameShape("mean", "log_std", "old_mean", "old_log_std");
        var kl = DiagonalGaussian.Kl(mean, logStd, oldMean, oldLogStd);
        return new Loss(kl.mean()) { ["kl"] = kl.detach(), ["entropy"] = DiagonalGaussian.Entropy(logStd).detach() };
    }

    private static double At(int iteration, int iterations, StepSizeSchedule schedule, double initial)
    {
        if (iteration < 0 || iteration >= iterations)
        {
            throw new InvalidInputException($"the iteration is {iteration}, and must lie in [0, {iterations}): at the end the step size would be 0");
        }

        return schedule == StepSizeSchedule.Linear ? initial * (1 - (iteration / (double)iterations)) : initial;
    }

    private double Scheduled(Batch batch) => batch.Number("iteration") is { } iteration && batch.Number("iterations") is { } iterations
        ? At((int)iteration, (int)iterations, options.StepSizeSchedule, options.StepSize) : options.StepSize;
}

/// <summary>The advantages of <c>mdpo</c>: generalised advantage estimation, then mean 0 and variance 1 over the batch.</summary>
/// <remarks>Inputs and outputs as of <c>gae</c>; returns are built before the advantages are standardised.</remarks>
[Advantage("mdpo", Paper = "2005.09814", Title = "Mirror Descent Policy Optimization")]
public sealed class MdpoAdvantage(MdpoAdvantageOptions options) : ITokenAdvantage
{
    private readonly Gae _gae = new(new GaeOptions { Gamma = options.Gamma, Lam = options.Lam, WhitenAdvantages = false });

    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var estimated = _gae.Compute(batch);
        estimated["advantages"] = Mdpo.Standardize(estimated.Tensor("advantages"), batch["mask"], options).Tensor("advantages");
        return estimated;
    }
}
