namespace Plumbline.Training;

/// <summary>When prompts run once for all their completions.</summary>
public enum SharedPrefixMode
{
    /// <summary>Where the model can, prompts are shared, and it is faster.</summary>
    Auto,

    /// <summary>Always; a model that can't is refused.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>What a forward pass costs with each sequence on its own, and with shared prefixes: tokens through all layers, and causal pairs in attention.</summary>
/// <param name="BaselineTokens">Σ (P + S).</param>
/// <param name="SharedTokens">P + Σ S for each group.</param>
/// <param name="BaselinePairs">Σ (P + S)(P + S + 1)/2.</param>
/// <param name="SharedPairs">P(P + 1)/2 + Σ (S P + S(S + 1)/2) for each group.</param>
public sealed record SharedPrefixCost(long BaselineTokens, long SharedTokens, long BaselinePairs, long SharedPairs)
{
    /// <summary>The cost of groups.</summary>
    public static SharedPrefixCost Of(params IReadOnlyList<PackedGroup> groups)
    {
        var (alone, shared, alonePairs, sharedPairs) = (0L, 0L, 0L, 0L);
        foreach (var group in groups)
        {
            long prefix = group.PrefixLength;
            shared += prefix;
            sharedPairs += Triangle(prefix);
            foreach (long suffix in group.SuffixLengths)
            {
                alone += prefix + suffix;
                shared += suffix;
                alonePairs += Triangle(prefix + suffix);
                sharedPairs += (suffix * prefix) + Triangle(suffix);
            }
        }

        return new SharedPrefixCost(alone, shared, alonePairs, sharedPairs);
    }

    /// <summary>Whether the shared form is expected to be faster than a padded batch.</summary>
    /// <remarks>
    /// Measured on the CPU with transformers of 2 layers of width 64 and 4 of 256, forward and backward pass, prompts of 1 to 64 tokens, groups of 2 to 16 (docs/log.md):
    /// with fused kernels the time falls as the tokens do, but for what packing itself costs, which eats a ratio of up to 1.06. Composed of plain operators,
    /// packing costs more: a ratio of 1.1 may lose, and in a batch of few tokens so may one of 1.6.
    /// </remarks>
    /// <param name="paddedTokens">Tokens of the batch with each sequence on its own, padding included.</param>
    /// <param name="fused">Whether attention is one fused kernel.</param>
    public bool Pays(long paddedTokens, bool fused) => fused ? paddedTokens >= 1.1 * SharedTokens : paddedTokens >= Math.Max(1.5 * SharedTokens, SharedTokens + 128);

    private static long Triangle(long n) => n * (n + 1) / 2;
}
