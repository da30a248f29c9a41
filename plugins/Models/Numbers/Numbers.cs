using System.Globalization;

namespace Plumbline.Plugins.Numbers;

/// <summary>Tokens are whole numbers, written apart by spaces; for small languages without words.</summary>
[Tokenizer("numbers")]
public sealed class Numbers(NumbersOptions options) : ITokenizer
{
    /// <inheritdoc/>
    public int VocabularySize => options.Vocabulary;

    /// <inheritdoc/>
    public int? EosId => options.End;

    /// <inheritdoc/>
    public int PadId => 0;

    /// <inheritdoc/>
    public int? BosId => null;

    /// <inheritdoc/>
    public int[] Encode(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id < options.Vocabulary ? id
            : throw new PlumblineException($"'{word}' is no token of a language of the numbers 0 to {options.Vocabulary - 1}; raise the tokenizer's vocabulary or mend the data"))];

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray().Where(token => token != options.End));
}

/// <summary>Options of <c>numbers</c>.</summary>
public sealed record NumbersOptions : IChecksItself
{
    /// <summary>Number of token ids, which prompts and answers share.</summary>
    [Positive]
    public required int Vocabulary { get; init; }

    /// <summary>The token that ends an answer; null: answers have a fixed length, the sampler's max_new_tokens.</summary>
    [NonNegative]
    public int? End { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (End >= Vocabulary)
        {
            yield return $"end must be below vocabulary, which is {Vocabulary}, was {End}";
        }
    }
}
