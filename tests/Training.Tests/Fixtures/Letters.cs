namespace Plumbline.Tests;

/// <summary>A small vocabulary: the letters a to j, then tokens for begin, end and padding.</summary>
internal sealed class Letters : ITokenizer
{
    public int VocabularySize => 13;

    public int? EosId => 10;

    public int PadId => 11;

    public int? BosId => 12;

    public int[] Encode(string text) => [.. text.Select(letter => letter - 'a')];

    public string Decode(ReadOnlySpan<int> tokens) =>
        string.Concat(tokens.ToArray().Where(token => token < 10).Select(token => (char)('a' + token)));
}
