namespace Plumbline.Training.Search;

/// <summary>Options of <c>text-steps</c>.</summary>
public sealed record TextStepsOptions
{
    /// <summary>What ends a step, such as a line's end; the step holds it. Null: tokens alone are counted.</summary>
    public string? StepEnd { get; init; } = "\n";

    /// <summary>The longest step in tokens.</summary>
    [Positive]
    public int StepTokens { get; init; } = 128;

    /// <summary>The longest path in tokens, the end-of-sequence token included.</summary>
    [Positive]
    public int MaxNewTokens { get; init; } = 512;

    /// <summary>Divides the logits; 0 takes the likeliest token each time.</summary>
    [NonNegative]
    public double Temperature { get; init; } = 1.0;

    /// <summary>Draws among the so many likeliest tokens; 0: among all.</summary>
    [NonNegative]
    public int TopK { get; init; }

    /// <summary>Draws among the likeliest tokens that together hold this probability; 1: among all.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double TopP { get; init; } = 1.0;

    /// <summary>What a finished path earns; null: nobody says.</summary>
    public Part<IReward>? Reward { get; init; }

    /// <summary>The column of the data with a worked solution: a finished path that is no beginning of it is novel. Null or absent: none is.</summary>
    public string? Solution { get; init; }

    /// <summary>Groups of states whose keys and values are kept, so that going on from one of them reads nothing again; 0: none. It changes memory and speed alone.</summary>
    [NonNegative]
    public int KeptCaches { get; init; } = 8;
}
