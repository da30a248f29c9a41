using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <see cref="GeometricMixture"/>.</summary>
public sealed record GeometricMixtureOptions
{
    /// <summary>Weight of the reference: 0 is the policy, 1 the reference.</summary>
    [Interval(0, 1)]
    public double Mixture { get; init; } = 0.125;
}

/// <summary>A distribution between policy and reference: π^(1-β) μ^β, normalised (Nash-MD, arXiv 2312.00886).</summary>
public static class GeometricMixture
{
    /// <summary>log π_β = log softmax((1-β) log π + β log μ). Raw logits would do as well, probabilities would not.</summary>
    /// <param name="policyLogits">[...,V] logits or log-probabilities.</param>
    /// <param name="referenceLogits">[...,V] likewise.</param>
    /// <param name="options">β.</param>
    /// <returns>[...,V] log-probabilities.</returns>
    [Target("ipo-md/mixture_logits")]
    public static Tensor Logps(Tensor policyLogits, Tensor referenceLogits, GeometricMixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("policy_logits", policyLogits).With("reference_logits", referenceLogits).RequireSameShape("policy_logits", "reference_logits");
        return Logps(policyLogits, referenceLogits, options.Mixture);
    }

    /// <summary>log π_β.</summary>
    /// <param name="policyLogits">[...,V] logits or log-probabilities.</param>
    /// <param name="referenceLogits">[...,V] likewise.</param>
    /// <param name="mixture">β.</param>
    /// <returns>[...,V] log-probabilities.</returns>
    public static Tensor Logps(Tensor policyLogits, Tensor referenceLogits, double mixture)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(referenceLogits);
        return (((1 - mixture) * policyLogits.log_softmax(-1)) + (mixture * referenceLogits.log_softmax(-1))).log_softmax(-1);
    }
}
