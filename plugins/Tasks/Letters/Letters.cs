namespace Plumbline.Plugins.Letters;

/// <summary>A language of eight letters, a to h: the alphabet of the letters task.</summary>
[Tokenizer("letters")]
public sealed class Letters : ITokenizer
{
    /// <summary>How many letters there are.</summary>
    internal const int Alphabet = 8;

    /// <inheritdoc/>
    public int VocabularySize => Alphabet + 2;

    /// <inheritdoc/>
    public int? EosId => Alphabet;

    /// <inheritdoc/>
    public int PadId => Alphabet + 1;

    /// <inheritdoc/>
    public int? BosId => null;

    /// <inheritdoc/>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. text.Select(letter => letter is >= 'a' and < (char)('a' + Alphabet) ? letter - 'a'
            : throw new PlumblineException($"'{letter}' in '{text}' is no letter from a to {Letter(Alphabet - 1)}; the tokenizer letters knows no other"))];
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> tokens) => string.Concat(tokens.ToArray().Where(token => token < Alphabet).Select(Letter));

    /// <summary>A letter by its number.</summary>
    internal static char Letter(int number) => (char)('a' + number);

    /// <summary>#a - #b.</summary>
    internal static int Balance(string text) => text.Count(letter => letter == 'a') - text.Count(letter => letter == 'b');
}
