using Plumbline.Training;

namespace Plumbline.Plugins.RToQ;

/// <summary>Options of <c>r-to-q</c>.</summary>
public record RToQOptions
{
    /// <summary>The weight of the entropy in the token problem; the scale of the token rewards.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;
}

/// <summary>Options of the credit of tokens.</summary>
public sealed record CreditOptions : RToQOptions
{
    /// <summary>Tokens of the lowest reward that are told of each answer.</summary>
    [Positive]
    public int Top { get; init; } = 1;
}

/// <summary>Options of the beam search on a table.</summary>
public sealed record BeamSearchOptions
{
    /// <summary>Sequences that are kept at each step.</summary>
    [Positive]
    public int Beams { get; init; } = 5;

    /// <summary>Longest sequence in tokens, the end-of-sequence token included.</summary>
    [Positive]
    public int MaxTokens { get; init; } = 8;

    /// <summary>A finished search divides scores by the length to this power; 0 leaves them, and favours short answers where the end is cheap.</summary>
    public double LengthPower { get; init; }
}

/// <summary>Options of the observer <c>r-to-q</c>.</summary>
public sealed record RewardDriftOptions : RToQOptions
{
    /// <summary>Pairs that are looked at; the same ones each time.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>Which part of the data.</summary>
    public Split Split { get; init; } = Split.HeldOut;

    /// <summary>At most so many of its rows, the first ones.</summary>
    [Positive]
    public int Limit { get; init; } = 64;

    /// <summary>Steps between measurements.</summary>
    [Positive]
    public int Every { get; init; } = 50;

    /// <summary>The roles of the models that rewards are measured against, such as <c>reference</c> and a copy that observer <c>keep-policy</c> made.</summary>
    public IReadOnlyList<string> References { get; init; } = ["reference"];
}

/// <summary>Options of the evaluation <c>r-to-q</c>.</summary>
public sealed record TokenCreditOptions : EvaluationOptions
{
    /// <summary>The scale of the token rewards.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Tokens of the lowest reward that are told of each answer.</summary>
    [Positive]
    public int Top { get; init; } = 1;

    /// <summary>The columns of the answers that are coloured.</summary>
    public IReadOnlyList<string> Answers { get; init; } = ["chosen"];

    /// <summary>The role of the model that rewards are measured against.</summary>
    public string Reference { get; init; } = "reference";
}
