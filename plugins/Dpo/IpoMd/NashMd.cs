using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.IpoMd;

/// <summary>Nash-MD-PG: the policy gradient whose expectation online IPO shares. The first answer is the policy's, the second the mixture's.</summary>
/// <remarks>Inputs: policy, reference and mask of the chosen side, which is the first answer; preference [B] = P(first beats second). Outputs: loss; losses, advantages [B].</remarks>
[Algorithm("nash-md-pg", Loop.OnlinePairs, Paper = "2403.08635", Title = "Human Alignment of Large Language Models through Online Preference Optimisation")]
[Default("first", "policy")]
[Default("second", "mixture")]
[Default("mixture", 0.125)]
[Default("labels", "soft")]
public sealed class NashMd(NashMdPgOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("preference")];

    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return PolicyGradient(batch.PolicyChosenLogps, batch.ReferenceChosenLogps, batch.ChosenMask, batch["preference"], options);
    }

    /// <summary>-A Σ_t log π, A = P(y beats y') - 1/2 - τ Σ_t log π/μ, a constant: loss []; losses, advantages [N].</summary>
    /// <param name="logps">[N,T] of the policy's answers.</param>
    /// <param name="referenceLogps">[N,T].</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="preference">[N] P(the policy's answer beats the mixture's).</param>
    /// <param name="options">τ.</param>
    [Target("ipo-md/nash_md_pg")]
    public static Loss PolicyGradient(Tensor logps, Tensor referenceLogps, Tensor mask, Tensor preference, NashMdPgOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("mask", mask).RequireSameShape("logps", "reference_logps", "mask");
        Preferences.RequireProbabilities(preference, "preference");
        var sums = Masked.RowSum(logps, mask);
        new Batch().With("preference", preference).With("logps", sums).RequireSameShape("preference", "logps");
        var advantages = (preference - 0.5 - (options.Tau * (sums - Masked.RowSum(referenceLogps, mask)))).detach();
        var losses = -advantages * sums;
        return new Loss(losses.mean()) { ["losses"] = losses.detach(), ["advantages"] = advantages };
    }

    /// <summary>Derivatives by the logits of the two losses' expectations over a finite set: ipo_gradient, nash_gradient [K].</summary>
    /// <param name="logits">[K] policy.</param>
    /// <param name="referenceLogits">[K].</param>
    /// <param name="preference">[K,K].</param>
    /// <param name="options">τ and the mixture, which is a constant, as the sampling policy is.</param>
    [Target("ipo-md/expected_gradients")]
    public static Outputs ExpectedGradients(Tensor logits, Tensor referenceLogits, Tensor preference, ExpectedGradientsOptions options)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preference, "preference");
        using var recorded = enable_grad();
        var free = logits.detach().requires_grad_();
        var (logps, reference) = (free.log_softmax(-1), referenceLogits.log_softmax(-1));
        var mixture = GeometricMixture.Logps(logps, reference, options.Mixture).exp().detach();

        var ratio = logps - reference;
        var h = ratio.unsqueeze(1) - ratio.unsqueeze(0);
        var target = 1 / (2 * options.Tau);
        var pairs = (preference * (h - target).square()) + ((1 - preference) * (h + target).square());
        var ipo = (mixture.unsqueeze(1) * mixture.unsqueeze(0) * pairs).sum();

        var advantages = Preferences.Against(preference, mixture) - 0.5 - (options.Tau * ratio);
        var nash = -((logps.exp() * advantages).detach() * logps).sum();
        return new Outputs
        {
            ["ipo_gradient"] = autograd.grad([ipo], [free], retain_graph: true)[0]!,
            ["nash_gradient"] = autograd.grad([nash], [free])[0]!,
        };
    }

    /// <summary>π ← π_m exp(η P(· beats π_m)), normalised, π_m the mixture of weight ητ: probabilities [K]; residual [], the total variation to μ exp(P(· beats π)/τ).</summary>
    /// <param name="logits">[K] policy.</param>
    /// <param name="referenceLogits">[K].</param>
    /// <param name="preference">[K,K].</param>
    /// <param name="options">τ, η and how many steps.</param>
    [Target("ipo-md/nash_md_step")]
    public static Outputs Step(Tensor logits, Tensor referenceLogits, Tensor preference, NashMdStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preference, "preference");
        var reference = referenceLogits.log_softmax(-1);
        var logps = logits.log_softmax(-1);
        for (var i = 0; i < options.Iterations; i++)
        {
            var mixture = GeometricMixture.Logps(logps, reference, options.Eta * options.Tau);
            logps = (mixture + (options.Eta * Preferences.Against(preference, mixture.exp()))).log_softmax(-1);
        }

        var best = (reference + (Preferences.Against(preference, logps.exp()) / options.Tau)).softmax(-1);
        return new Outputs { ["probabilities"] = logps.exp(), ["residual"] = (logps.exp() - best).abs().sum() / 2 };
    }
}
