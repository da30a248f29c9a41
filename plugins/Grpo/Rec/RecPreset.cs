namespace Plumbline.Plugins.Rec;

/// <summary>Members of the family that the paper names.</summary>
public enum RecPreset
{
    /// <summary>Group-relative REINFORCE: no regularisation.</summary>
    Reinforce,

    /// <summary>Clipped on the side the advantage pushes to, without importance sampling.</summary>
    RecOneSideNoIs,

    /// <summary>The same with importance sampling: the gradient of the clipped surrogate.</summary>
    RecOneSideIs,

    /// <summary>Clipped on both sides, with importance sampling.</summary>
    RecTwoSideIs,

    /// <summary>Clipped on both sides, with a ring beyond, without importance sampling.</summary>
    RecRingNoIs,

    /// <summary>Whole completions clipped, without importance sampling.</summary>
    RecGspoNoIs,

    /// <summary>Whole completions clipped, with importance sampling of completions.</summary>
    RecGspoIs,

    /// <summary>rec_one_side_is with advantages over the standard deviation.</summary>
    Grpo,

    /// <summary>REINFORCE with every advantage raised (arXiv 2506.20520).</summary>
    AsymRe,

    /// <summary>REINFORCE with a squared log-ratio.</summary>
    Opmd,

    /// <summary>REINFORCE on as many rows below the mean as above it.</summary>
    RedDrop,

    /// <summary>REINFORCE with rows weighted by exp(A/temperature).</summary>
    RedWeight,
}

/// <summary>Every ingredient of a member, each with the value it has where a member says nothing of it.</summary>
internal sealed record RecMember
{
    public RecClipMode ClipMode { get; init; } = RecClipMode.None;

    public RecWeight Weight { get; init; } = RecWeight.None;

    public RecRegularizer Regularizer { get; init; } = RecRegularizer.None;

    public double RegularizerCoef { get; init; }

    public double EpsilonLow { get; init; } = 0.2;

    public double EpsilonHigh { get; init; } = 0.2;

    public double EpsilonLowPrime { get; init; } = 0.6;

    public double EpsilonHighPrime { get; init; } = 2.0;

    public double Temperature { get; init; } = 1.0;

    public RecAdvantagesOptions Advantages { get; init; } = new();

    private static RecMember Gspo => new() { ClipMode = RecClipMode.SequenceOneSide, EpsilonLow = 3e-4, EpsilonHigh = 4e-4 };

    /// <summary>The paper's table.</summary>
    internal static RecMember Of(RecPreset preset) => preset switch
    {
        RecPreset.RecOneSideNoIs => new() { ClipMode = RecClipMode.OneSide },
        RecPreset.RecOneSideIs => new() { ClipMode = RecClipMode.OneSide, Weight = RecWeight.ImportanceSampling },
        RecPreset.RecTwoSideIs => new() { ClipMode = RecClipMode.TwoSide, Weight = RecWeight.ImportanceSampling },
        RecPreset.RecRingNoIs => new() { ClipMode = RecClipMode.Ring },
        RecPreset.RecGspoNoIs => Gspo,
        RecPreset.RecGspoIs => Gspo with { Weight = RecWeight.SequenceImportanceSampling },
        RecPreset.Grpo => Of(RecPreset.RecOneSideIs) with { Advantages = new() { StdNormalize = true } },
        RecPreset.AsymRe => new() { Regularizer = RecRegularizer.ForwardKl, RegularizerCoef = 0.1 },
        RecPreset.Opmd => new() { Regularizer = RecRegularizer.K2, RegularizerCoef = 0.1 },
        RecPreset.RedDrop => new() { Advantages = new() { Drop = RecDrop.Balance } },
        RecPreset.RedWeight => new() { Weight = RecWeight.Advantage },
        _ => new(),
    };
}
