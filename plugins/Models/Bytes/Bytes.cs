using System.Text;

namespace Plumbline.Plugins.Bytes;

/// <summary>Text as its UTF-8 bytes: 256 bytes and tokens for begin, end and padding; needs no file and knows every text.</summary>
[Tokenizer("bytes")]
public sealed class Bytes : ITokenizer
{
    /// <inheritdoc/>
    public int VocabularySize => 259;

    /// <inheritdoc/>
    public int? EosId => 256;

    /// <inheritdoc/>
    public int PadId => 257;

    /// <inheritdoc/>
    public int? BosId => 258;

    /// <inheritdoc/>
    public int[] Encode(string text) => [.. Encoding.UTF8.GetBytes(text).Select(value => (int)value)];

    /// <summary>The text of bytes; a sequence that is no UTF-8 becomes U+FFFD.</summary>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        var bytes = new byte[tokens.Length];
        var count = 0;
        foreach (var token in tokens)
        {
            if (token is >= 0 and < 256)
            {
                bytes[count++] = (byte)token;
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, count);
    }
}
