namespace Plumbline.Plugins.Lcpo;

/// <summary>The loss of a pair that is wrapped.</summary>
public enum BaseLoss
{
    /// <summary>DPO.</summary>
    Dpo,

    /// <summary>IPO.</summary>
    Ipo,

    /// <summary>SimPO; no reference is kept.</summary>
    Simpo,

    /// <summary>CPO; no reference is kept.</summary>
    Cpo,
}

/// <summary>Options of <c>lcpo</c>.</summary>
public sealed record LcpoOptions
{
    /// <summary>The loss of a pair that is wrapped.</summary>
    public BaseLoss Base { get; init; } = BaseLoss.Dpo;

    /// <summary>The base's own: strength of the pull towards the reference, or scale of the reward. Null: 2 for simpo, 0.1 for the others.</summary>
    [Positive]
    public double? Beta { get; init; }

    /// <summary>SimPO's margin.</summary>
    [NonNegative]
    public double Gamma { get; init; } = 0.5;

    /// <summary>CPO's weight of the winner's negative log-likelihood, a mean over its tokens.</summary>
    [NonNegative]
    public double NllWeight { get; init; } = 1.0;

    /// <summary>Annotators; the data's whole-number column <c>annotator_ids</c> says whose a label is, from 0. Without the column all labels are annotator 0's.</summary>
    [Positive]
    public int Annotators { get; init; } = 1;

    /// <summary>η of every annotator at the start; above 1/2, or the mirrored solution is found.</summary>
    [Interval(0.5, 1, AboveFrom = true, BelowTo = true)]
    public double InitialReliability { get; init; } = 0.9;

    /// <summary>How far one batch moves η towards the mean weight of its labels; 1 on the whole data set is the exact M step.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Momentum { get; init; } = 0.1;

    /// <summary>η stays so far from 0 and 1, where it would stop learning.</summary>
    [Interval(0, 0.5, AboveFrom = true, BelowTo = true)]
    public double Clamp { get; init; } = 1e-3;
}
