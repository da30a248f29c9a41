namespace Plumbline.Plugins.Transformer;

/// <summary>Options of <c>transformer</c>.</summary>
public sealed record TransformerOptions : IChecksItself, IEstimates
{
    /// <summary>Blocks.</summary>
    [Positive]
    public int Layers { get; init; } = 4;

    /// <summary>Width of the hidden states.</summary>
    [Positive]
    public int Width { get; init; } = 128;

    /// <summary>Attention heads.</summary>
    [Positive]
    public int Heads { get; init; } = 4;

    /// <summary>Key and value heads, each serving several attention heads (grouped-query attention, arXiv 2305.13245); null: as many as heads.</summary>
    [Positive]
    public int? KvHeads { get; init; }

    /// <summary>Width of the feed-forward layer; null: 8/3 of the width, rounded up to a multiple of 16.</summary>
    [Positive]
    public int? Hidden { get; init; }

    /// <summary>Longest sequence in tokens.</summary>
    [Positive]
    public int ContextLength { get; init; } = 256;

    /// <summary>Base of the rotary frequencies.</summary>
    [Positive]
    public double RopeBase { get; init; } = 10000;

    /// <summary>Added to the mean square in norms.</summary>
    [Positive]
    public double NormEps { get; init; } = 1e-6;

    /// <summary>Use the embedding's weights as the head's.</summary>
    public bool TieEmbeddings { get; init; }

    /// <summary>Standard deviation of the first weights; projections back into the stream are scaled by 1/√(2 layers).</summary>
    [Positive]
    public double InitStd { get; init; } = 0.02;

    /// <summary>A safetensors file to begin from, relative to the manifest; null: fresh weights from the run's seed.</summary>
    public string? Weights { get; init; }

    /// <summary>The tokenizer the model reads by.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }

    internal int KeyHeads => KvHeads ?? Heads;

    internal int HeadWidth => Width / Heads;

    internal int HiddenWidth => Hidden ?? ((Width * 8 / 3) + 15) / 16 * 16;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Width % Heads != 0)
        {
            yield return $"width must be a multiple of heads; {Width} is none of {Heads}";
        }
        else if (HeadWidth % 2 != 0)
        {
            yield return $"width / heads must be even for rotary positions, and is {HeadWidth}";
        }

        if (Heads % KeyHeads != 0)
        {
            yield return $"kv_heads must divide heads; {KeyHeads} does not divide {Heads}";
        }
    }

    /// <inheritdoc/>
    public Cost Estimate(IServiceProvider services)
    {
        var vocabulary = (long)Tokenizer.Create(services).VocabularySize;
        var attention = (long)Width * ((Heads + (2 * KeyHeads)) * HeadWidth) + ((long)Width * Width);
        var block = attention + (3L * Width * HiddenWidth) + (2L * Width);
        return new Cost
        {
            Parameters = (vocabulary * Width * (TieEmbeddings ? 1 : 2)) + (Layers * block) + Width,
            ActivationsPerToken = Layers * ((6L * Width) + ((Heads + (2L * KeyHeads)) * HeadWidth * 2) + (3L * HiddenWidth)) + (3 * vocabulary),
            ContextLength = ContextLength,
        };
    }
}
