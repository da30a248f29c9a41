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
