using FsCheck;
using FsCheck.Fluent;
using Plumbline.Plugins.Bytes;

namespace Plumbline.Tests;

public sealed class BytesTests
{
    private readonly Bytes _bytes = new();

    [Fact]
    public void Any_text_comes_back()
    {
        var runes = Gen.Choose(0, 0x10FFFF).Where(code => code is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32);
        var texts = runes.ListOf().Select(string.Concat);
        Prop.ForAll(texts.ToArbitrary(), text => _bytes.Decode(_bytes.Encode(text)) == text).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Every_token_is_a_byte_and_special_tokens_leave_no_trace()
    {
        int[] tokens = [_bytes.BosId!.Value, .. _bytes.Encode("ü"), _bytes.EosId!.Value, _bytes.PadId];
        Assert.Equal([258, 0xC3, 0xBC, 256, 257], tokens);
        Assert.Equal("ü", _bytes.Decode(tokens));
        Assert.All(tokens, token => Assert.InRange(token, 0, _bytes.VocabularySize - 1));
    }

    [Fact]
    public void A_broken_sequence_becomes_the_replacement_character()
    {
        Assert.Equal("a\uFFFD", _bytes.Decode([(int)'a', 0xC3]));
        Assert.Equal("\uFFFD", _bytes.Decode(_bytes.Encode("\uD800")));
    }

    [Fact]
    public void An_empty_text_has_no_tokens()
    {
        Assert.Empty(_bytes.Encode(string.Empty));
        Assert.Equal(string.Empty, _bytes.Decode([]));
    }
}
