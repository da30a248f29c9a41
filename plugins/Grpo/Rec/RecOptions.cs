namespace Plumbline.Plugins.Rec;

/// <summary>Which tokens the update leaves out.</summary>
public enum RecClipMode
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those that went far enough the way their advantage pushes them.</summary>
    OneSide,

    /// <summary>Those whose ratio is far from 1.</summary>
    TwoSide,

    /// <summary>As two_side, but those come back that went very far the other way.</summary>
    Ring,

    /// <summary>As one_side, for whole completions by the geometric mean of their tokens' ratios.</summary>
    SequenceOneSide,
}

/// <summary>What multiplies a token's advantage; a constant.</summary>
public enum RecWeight
{
    /// <summary>1.</summary>
    None,

    /// <summary>The token's ratio.</summary>
    ImportanceSampling,

    /// <summary>The completion's ratio, a geometric mean.</summary>
    SequenceImportanceSampling,

    /// <summary>exp(A/temperature).</summary>
    Advantage,
}

/// <summary>What holds the policy near the one that sampled.</summary>
public enum RecRegularizer
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The squared log-ratio (OPMD).</summary>
    K2,

    /// <summary>The log-probability of what was sampled (AsymRE).</summary>
    ForwardKl,
}

/// <summary>Which rows the advantages leave out.</summary>
public enum RecDrop
{
    /// <summary>None.</summary>
    None,

    /// <summary>So many rows below the group's mean, drawn at random, that they are no more than the others (RED-Drop).</summary>
    Balance,
}

/// <summary>Options of <c>rec</c>. One that is null is the preset's.</summary>
public sealed record RecOptions : IChecksItself
{
    /// <summary>A member of the family; single options override it.</summary>
    public RecPreset Preset { get; init; } = RecPreset.RecOneSideNoIs;

    /// <summary>Which tokens the update leaves out.</summary>
    public RecClipMode? ClipMode { get; init; }

    /// <summary>What multiplies a token's advantage.</summary>
    public RecWeight? Weight { get; init; }

    /// <summary>What holds the policy near the one that sampled.</summary>
    public RecRegularizer? Regularizer { get; init; }

    /// <summary>The regulariser's weight.</summary>
    [NonNegative]
    public double? RegularizerCoef { get; init; }

    /// <summary>How far the ratio may fall below 1.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double? EpsilonLow { get; init; }

    /// <summary>How far the ratio may rise above 1.</summary>
    [Positive]
    public double? EpsilonHigh { get; init; }

    /// <summary>How far below 1 a ratio comes back into the ring.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double? EpsilonLowPrime { get; init; }

    /// <summary>How far above 1 a ratio comes back into the ring.</summary>
    [Positive]
    public double? EpsilonHighPrime { get; init; }

    /// <summary>By what the weight <c>advantage</c> divides.</summary>
    [Positive]
    public double? Temperature { get; init; }

    /// <summary>What is in force.</summary>
    internal RecMember Member
    {
        get
        {
            var member = RecMember.Of(Preset);
            return member with
            {
                ClipMode = ClipMode ?? member.ClipMode,
                Weight = Weight ?? member.Weight,
                Regularizer = Regularizer ?? member.Regularizer,
                RegularizerCoef = RegularizerCoef ?? member.RegularizerCoef,
                EpsilonLow = EpsilonLow ?? member.EpsilonLow,
                EpsilonHigh = EpsilonHigh ?? member.EpsilonHigh,
                EpsilonLowPrime = EpsilonLowPrime ?? member.EpsilonLowPrime,
                EpsilonHighPrime = EpsilonHighPrime ?? member.EpsilonHighPrime,
                Temperature = Temperature ?? member.Temperature,
            };
        }
    }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        var member = Member;
        if (member.ClipMode == RecClipMode.Ring && member.EpsilonLowPrime < member.EpsilonLow)
        {
            yield return $"epsilon_low_prime must be >= epsilon_low, which is {member.EpsilonLow}, was {member.EpsilonLowPrime}: the ring lies outside the region";
        }

        if (member.ClipMode == RecClipMode.Ring && member.EpsilonHighPrime < member.EpsilonHigh)
        {
            yield return $"epsilon_high_prime must be >= epsilon_high, which is {member.EpsilonHigh}, was {member.EpsilonHighPrime}: the ring lies outside the region";
        }
    }
}

/// <summary>Options of the advantages of <c>rec</c>.</summary>
public sealed record RecAdvantagesOptions
{
    /// <summary>Divide by the group's standard deviation, over n.</summary>
    public bool StdNormalize { get; init; }

    /// <summary>Added to the standard deviation that divides.</summary>
    [NonNegative]
    public double StdEpsilon { get; init; } = 1e-6;

    /// <summary>Which rows are left out.</summary>
    public RecDrop Drop { get; init; } = RecDrop.None;
}
