namespace Plumbline.Plugins.CurryDpo;

/// <summary>Options of <c>curry-dpo</c>.</summary>
public sealed record CurryDpoOptions
{
    /// <summary>Strength of the pull towards the reference, which is the policy that the stage before ended with.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;
}

/// <summary>Which answers of a prompt head pairs.</summary>
public enum Pairing
{
    /// <summary>The best answer against each other one.</summary>
    BestVsRest,

    /// <summary>Every answer against each worse one.</summary>
    All,
}

/// <summary>What decides a pair's stage.</summary>
public enum CurriculumOrdering
{
    /// <summary>Its place among the pairs of its prompt: each stage has a pair of each prompt.</summary>
    PromptWise,

    /// <summary>Its place among all pairs: each stage has as many.</summary>
    Global,
}

/// <summary>Options of the transform <c>curry-dpo</c>.</summary>
public sealed record CurriculumOptions
{
    /// <summary>Which answers head pairs.</summary>
    public Pairing Pairing { get; init; } = Pairing.BestVsRest;

    /// <summary>Pairs of a prompt at most, spread evenly from the easiest to the hardest; 0: all.</summary>
    [NonNegative]
    public int PairsPerPrompt { get; init; } = 3;

    /// <summary>What decides a pair's stage.</summary>
    public CurriculumOrdering Ordering { get; init; } = CurriculumOrdering.PromptWise;

    /// <summary>Stages of the curriculum.</summary>
    [Positive]
    public int Stages { get; init; } = 3;

    /// <summary>The scores of a pair differ by more than this; equal ones never make a pair.</summary>
    [NonNegative]
    public double MinGap { get; init; }
}
