namespace Plumbline;

/// <summary>Sequences in one row of M tokens, without padding: group after group, each prefix once, then the suffixes that share it.</summary>
/// <remarks>A token of a prefix sees those before it. A token of a suffix sees the whole prefix of its group and those of its own suffix before it, nothing else.</remarks>
public sealed record PackedSequences
{
    /// <summary>[M] int64.</summary>
    public required Tensor Tokens { get; init; }

    /// <summary>[M] int64: each token's place in its own sequence. Every suffix goes on where its prefix ends.</summary>
    public required Tensor Positions { get; init; }

    /// <summary>How the row is divided.</summary>
    public required IReadOnlyList<PackedGroup> Groups { get; init; }

    /// <summary>[A] int64: the places in the row whose hidden states are asked for; one may come several times.</summary>
    public required Tensor Places { get; init; }
}

/// <summary>A prefix and the suffixes that share it.</summary>
/// <param name="PrefixLength">Tokens of the prefix, at least 1.</param>
/// <param name="SuffixLengths">Tokens of each suffix, at least 0.</param>
public sealed record PackedGroup(int PrefixLength, IReadOnlyList<int> SuffixLengths)
{
    /// <summary>Tokens in all.</summary>
    public int Length => PrefixLength + SuffixLengths.Sum();
}
