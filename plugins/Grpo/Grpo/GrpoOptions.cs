using Plumbline.Training;

namespace Plumbline.Plugins.Grpo;

/// <summary>Options of <c>grpo</c>.</summary>
public sealed record GrpoOptions : IChecksItself
{
    /// <summary>How the losses of tokens become one number.</summary>
    public TokenReductionKind LossType { get; init; } = TokenReductionKind.Grpo;

    /// <summary>How far the ratio may fall below 1 before the clip stops it.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double EpsilonLow { get; init; } = 0.2;

    /// <summary>How far the ratio may rise above 1; null: as epsilon_low. DAPO takes 0.28.</summary>
    [NonNegative]
    public double? EpsilonHigh { get; init; }

    /// <summary>Upper bound of the ratio where the advantage is negative (two-sided clip); null: none. Above 1 + epsilon_high.</summary>
    public double? Delta { get; init; }

    /// <summary>Weight of the divergence from the frozen reference; 0 keeps no reference.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.04;

    /// <summary>What one importance weight is for.</summary>
    public RatioLevel ImportanceSamplingLevel { get; init; } = RatioLevel.Token;

    /// <summary>The longest completion configured, by which dr_grpo divides; needed there.</summary>
    [Positive]
    public int? MaxCompletionLength { get; init; }

    /// <summary>Tokens of the whole accumulated batch, by which dapo divides; null: those of the batch at hand.</summary>
    [Positive]
    public double? NumItemsInBatch { get; init; }

    /// <summary>Leave out completions that were cut at the longest length.</summary>
    public bool MaskTruncatedCompletions { get; init; }

    /// <summary>The share of tokens with the highest entropy that learn; 1: all.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double TopEntropyQuantile { get; init; } = 1.0;

    /// <summary>Weight of the entropy, which is subtracted from the loss.</summary>
    public double EntropyCoef { get; init; }

    /// <summary>Multiply the divergence by the ratio, so that its estimate stays unbiased off-policy.</summary>
    public bool UseBiasCorrectionKl { get; init; }

    /// <summary>ε_high of the clip.</summary>
    internal double High => EpsilonHigh ?? EpsilonLow;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (LossType == TokenReductionKind.DrGrpo && MaxCompletionLength is null)
        {
            yield return "max_completion_length is needed by loss_type dr_grpo, which divides by it";
        }

        if (Delta <= 1 + High)
        {
            yield return $"delta must be > 1 + epsilon_high, which is {1 + High}, was {Delta}";
        }
    }
}

/// <summary>An estimate of the divergence at a token; see <see cref="KlEstimates"/>.</summary>
public enum KlEstimator
{
    /// <summary>d.</summary>
    K1,

    /// <summary>d²/2.</summary>
    K2,

    /// <summary>e⁻ᵈ - 1 + d.</summary>
    K3,

    /// <summary>|d|.</summary>
    Abs,
}

/// <summary>Options of <see cref="GrpoFunctions.Kl"/>.</summary>
public sealed record KlOptions
{
    /// <summary>Which estimate.</summary>
    public KlEstimator Estimator { get; init; } = KlEstimator.K3;

    /// <summary>Bounds each token's estimate, either sign (verl: 10); null: no bound.</summary>
    [Positive]
    public double? Clamp { get; init; }
}

/// <summary>Options of <see cref="GrpoFunctions.Entropy"/>.</summary>
public sealed record EntropyOptions
{
    /// <summary>Divides the logits.</summary>
    [Positive]
    public double Temperature { get; init; } = 1.0;
}

/// <summary>Options of <see cref="GrpoFunctions.ProcessAdvantages"/>.</summary>
public sealed record ProcessAdvantageOptions
{
    /// <summary>Added to the standard deviation that divides.</summary>
    [NonNegative]
    public double StdEpsilon { get; init; } = 1e-4;

    /// <summary>The squares are divided by n minus this.</summary>
    [Interval(0, 1)]
    public int StdDdof { get; init; } = 1;
}
