namespace Plumbline.Plugins.KvCache;

/// <summary>Options of <c>kv-cache</c>.</summary>
public sealed record KvCacheOptions
{
    /// <summary>Completions a prompt.</summary>
    [Positive]
    public int GroupSize { get; init; } = 8;

    /// <summary>Divides the logits; 0 takes the likeliest token each time.</summary>
    [NonNegative]
    public double Temperature { get; init; } = 1.0;

    /// <summary>Draws among the so many likeliest tokens; 0: among all.</summary>
    [NonNegative]
    public int TopK { get; init; }

    /// <summary>Draws among the likeliest tokens that together hold this probability; 1: among all.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double TopP { get; init; } = 1.0;

    /// <summary>Longest completion in tokens, the end-of-sequence token included.</summary>
    [Positive]
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Completions decoded at a time; 0: all. It changes memory and speed, never a sample.</summary>
    [NonNegative]
    public int ChunkRows { get; init; }
}
