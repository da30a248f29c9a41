namespace Plumbline.Plugins.FDpo;

/// <summary>D_f(π, π_ref) = E_ref[f(π/π_ref)]: what holds the policy to the reference.</summary>
public enum DivergenceKind
{
    /// <summary>f(u) = u log u: DPO.</summary>
    ReverseKl,

    /// <summary>f(u) = -log u: abandons no answer.</summary>
    ForwardKl,

    /// <summary>f(u) = u log u - (u + 1) log((u + 1)/2), Jensen-Shannon: between the two.</summary>
    JsDivergence,

    /// <summary>f(u) = (u^(1-α) - (1-α) u - α) / (α (α - 1)): from reverse (α → 0) to forward KL (α → 1).</summary>
    AlphaDivergence,
}

/// <summary>Options of <c>f-dpo</c>.</summary>
public sealed record FDpoOptions : IChecksItself
{
    /// <summary>What holds the policy to the reference.</summary>
    public DivergenceKind Divergence { get; init; } = DivergenceKind.ReverseKl;

    /// <summary>Strength of the pull towards the reference.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>α of <c>alpha_divergence</c>, in (0, 1); the others don't read it.</summary>
    public double Alpha { get; init; } = 0.5;

    /// <summary>The largest exponent of forward KL and of the α family, in nats; beyond it the gradient is 0. Null: none, as in the official code.</summary>
    [Positive]
    public double? ClampExponent { get; init; } = 80.0;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Divergence == DivergenceKind.AlphaDivergence && Alpha is not (> 0 and < 1))
        {
            yield return $"alpha must be in (0, 1) for divergence \"alpha_divergence\", was {Alpha}";
        }
    }
}

/// <summary>Options of the expected calibration error.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Bins of equal width over the confidences from 0 to 1.</summary>
    [Positive]
    public int Bins { get; init; } = 10;
}
