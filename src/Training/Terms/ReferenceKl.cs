namespace Plumbline.Training;

/// <summary>An estimate of the divergence at a token; see <see cref="KlEstimates"/>.</summary>
public enum ReferenceKlEstimator
{
    /// <summary>d: unbiased, but as a loss its gradient is 0 on average.</summary>
    K1,

    /// <summary>d²/2: biased as a measure; on-policy its gradient is the divergence's own.</summary>
    K2,

    /// <summary>e⁻ᵈ - 1 + d: unbiased and never negative; GRPO's.</summary>
    K3,
}

/// <summary>Options of <c>reference-kl</c>.</summary>
public sealed record ReferenceKlOptions
{
    /// <summary>Weight of the divergence; a controller may steer it. 0 only measures.</summary>
    [NonNegative]
    public double KlCoef { get; init; } = 0.05;

    /// <summary>How the divergence is estimated, from d = log π - log π_ref at a token.</summary>
    public ReferenceKlEstimator Estimator { get; init; } = ReferenceKlEstimator.K3;
}

/// <summary>A pull towards the frozen reference, to add to any objective on groups: the mean over tokens of the divergence, weighted.</summary>
/// <remarks>Inputs: logps, reference_logps, mask [N,T]; kl_coef, a number that takes the option's place. Outputs: loss; kl [] in nats a token, mean_kl [] in nats a completion.</remarks>
[Objective("reference-kl")]
public sealed class ReferenceKl(ReferenceKlOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["kl_coef"] = options.KlCoef };

    /// <summary>kl_coef · mean over tokens of KL(π || π_ref).</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask", "reference_logps");
        var d = (batch.Logps - batch.ReferenceLogps.detach()) * batch.Mask;
        var kl = options.Estimator switch
        {
            ReferenceKlEstimator.K1 => KlEstimates.K1(d),
            ReferenceKlEstimator.K2 => KlEstimates.K2(d),
            _ => KlEstimates.K3(d),
        };
        return new Loss((batch.Number("kl_coef") ?? options.KlCoef) * Masked.Mean(kl, batch.Mask))
        {
            ["kl"] = Masked.Mean(kl.detach(), batch.Mask),
            ["mean_kl"] = Masked.RowSum(kl.detach(), batch.Mask).mean(),
        };
    }
}
