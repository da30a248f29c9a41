namespace Plumbline.Plugins.DiffusionDpo;

/// <summary>How an error's elements are put together.</summary>
public enum ErrorReduction
{
    /// <summary>Their mean, as the authors' code has it; beta is 2000 to 5000.</summary>
    Mean,

    /// <summary>Their sum, as the paper has it; beta is smaller by the number of elements.</summary>
    Sum,
}

/// <summary>The loss of a pair's margin.</summary>
public enum PairLossKind
{
    /// <summary>-log σ(z).</summary>
    Sigmoid,

    /// <summary>max(0, 1 - z).</summary>
    Hinge,
}

/// <summary>w(t), the weight of a pair's margin by its time.</summary>
public enum TimeWeight
{
    /// <summary>1 everywhere.</summary>
    None,

    /// <summary>The signal-to-noise ratio.</summary>
    Snr,

    /// <summary>The signal-to-noise ratio, at most <c>snr_max</c>.</summary>
    TruncatedSnr,
}

/// <summary>Options of <c>diffusion-dpo</c>.</summary>
public sealed record DiffusionDpoOptions
{
    /// <summary>Strength of the pull towards the reference; half of it scales the difference of the errors.</summary>
    [Positive]
    public double Beta { get; init; } = 5000;

    /// <summary>How an error's elements are put together.</summary>
    public ErrorReduction Reduction { get; init; } = ErrorReduction.Mean;

    /// <summary>The loss of a pair's margin.</summary>
    public PairLossKind LossType { get; init; } = PairLossKind.Sigmoid;

    /// <summary>The share of labels taken to be wrong; of the sigmoid loss alone.</summary>
    [Interval(0, 0.5)]
    public double LabelSmoothing { get; init; }

    /// <summary>The weight of a pair's margin by its time.</summary>
    public TimeWeight TimeWeight { get; init; } = TimeWeight.None;

    /// <summary>The greatest weight of <c>truncated_snr</c>.</summary>
    [Positive]
    public double SnrMax { get; init; } = 5;

    /// <summary>Weight of the preferred samples' own denoising error, added to the loss.</summary>
    [NonNegative]
    public double SftWeight { get; init; }
}
