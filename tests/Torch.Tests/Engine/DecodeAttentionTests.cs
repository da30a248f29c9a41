using Plumbline.Engine;

namespace Plumbline.Tests.Engine;

public class DecodeAttentionTests
{
    [Theory]
    [InlineData(1, 1, 1, 2)]
    [InlineData(3, 4, 2, 6)]
    [InlineData(2, 6, 1, 16)]
    public void Decoding_token_by_token_is_attention_over_the_whole(int n, int heads, int kvHeads, int width)
    {
        using var scope = NewDisposeScope();
        const int length = 9;
        var (cos, sin) = FusedKernelTests.Turns(length, width);
        var qkv = FusedKernelTests.Numbers(1, n, length, (heads + (2 * kvHeads)) * width).@float();
        var (q, k, v) = FusedKernels.QkvRotary(qkv, heads, kvHeads, cos, sin);
        var whole = FusedKernels.CausalAttention(q, k, v);
        var (kCache, vCache) = (full([n, kvHeads, length + 2, width], double.NaN), full([n, kvHeads, length + 2, width], double.NaN));
        var (cosOn, sinOn) = FusedKernelTests.Turns(length + 2, width);

        for (var t = 0; t < length; t++)
        {
            var out1 = FusedKernels.DecodeAttention(qkv.select(1, t), kCache, vCache, full([n], t), cosOn, sinOn, heads);
            Same.Close(whole.select(1, t), out1, 1e-5, 1e-6, $"token {t},");
        }

        Same.Close(k, kCache.narrow(2, 0, length), 1e-6, 1e-6);
        Same.Close(v, vCache.narrow(2, 0, length), 0, 0);
    }

    [Fact]
    public void Rows_of_different_lengths_decode_alone()
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = FusedKernelTests.Turns(8, 4);
        var (kCache, vCache) = (FusedKernelTests.Numbers(1, 2, 1, 8, 4).@float(), FusedKernelTests.Numbers(2, 2, 1, 8, 4).@float());
        var qkv = FusedKernelTests.Numbers(3, 2, 16).@float();
        Tensor[] alone = [.. Enumerable.Range(0, 2).Select(row => FusedKernels.DecodeAttention(
            qkv.narrow(0, row, 1), kCache.narrow(0, row, 1).clone(), vCache.narrow(0, row, 1).clone(), tensor([row == 0 ? 2L : 5L]), cos, sin, 2))];

        var together = FusedKernels.DecodeAttention(qkv, kCache, vCache, tensor([2L, 5L]), cos, sin, 2);

        Assert.Equal(Same.Values(cat(alone)), Same.Values(together));
    }

    [Fact]
    public void A_full_cache_is_refused()
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = FusedKernelTests.Turns(3, 2);

        var refusal = Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(1, 6), zeros(1, 1, 3, 2), zeros(1, 1, 3, 2), tensor([3L]), cos, sin, 1));

        Assert.Contains("row 0 has 3 tokens, and its cache holds 3", refusal.Message, StringComparison.Ordinal);
        Assert.True(FusedKernels.ByHand(zeros(1)));
        Assert.False(FusedKernels.ByHand(zeros(1, dtype: ScalarType.Float64)));
    }

    [Fact]
    public void Caches_and_angles_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = FusedKernelTests.Turns(3, 2);
        var one = tensor([0L]);

        Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(1, 8), zeros(1, 1, 3, 2), zeros(1, 1, 3, 2), one, cos, sin, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(2, 6), zeros(1, 1, 3, 2), zeros(1, 1, 3, 2), tensor([0L, 0L]), cos, sin, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(1, 6), zeros(1, 1, 4, 2), zeros(1, 1, 4, 2), tensor([3L]), cos, sin, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(1, 6), zeros(1, 1, 3, 2), zeros(1, 1, 3, 2), tensor([0f]), cos, sin, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.DecodeAttention(zeros(1, 6), zeros(1, 1, 3, 2), zeros(1, 1, 3, 2), one, cos.@double(), sin.@double(), 1));
    }
}
