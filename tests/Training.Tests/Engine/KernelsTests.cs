using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>The fused kernels against their composition of plain operators: values and gradients.</summary>
public sealed class KernelsTests
{
    private const int Heads = 6;
    private const int KvHeads = 2;
    private const int HeadWidth = 8;
    private const int Length = 9;

    public static TheoryData<ScalarType> Dtypes => [ScalarType.Float32, ScalarType.Float64];

    [Fact]
    public void Plain_holds_until_it_ends_also_within_itself()
    {
        var before = Kernels.Fused;
        using (Kernels.Plain())
        {
            Assert.False(Kernels.Fused);
            using (Kernels.Plain())
            {
            }

            Assert.False(Kernels.Fused);
        }

        Assert.Equal(before, Kernels.Fused);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Rms_norm_agrees(ScalarType dtype) =>
        Agree(dtype, [[3, 5, 16], [16]], inputs => [Kernels.RmsNorm(inputs[0], inputs[1], 1e-6)]);

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void The_rotated_projections_agree(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = Rotary(dtype);
        Agree(dtype, [[3, Length, (Heads + (2 * KvHeads)) * HeadWidth]], inputs =>
        {
            var (q, k, v) = Kernels.QkvRotary(inputs[0], Heads, KvHeads, cos, sin);
            return [q, k, v];
        });
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Embedded_tokens_agree_also_where_one_comes_twice(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var tokens = tensor(new long[] { 0, 3, 6, 3, 3, 5 }, [2, 3]);
        Agree(dtype, [[7, 5]], inputs => [Kernels.Embed(tokens, inputs[0])]);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void The_gated_unit_agrees(ScalarType dtype) =>
        Agree(dtype, [[3, 5, 24]], inputs => [Kernels.SwiGlu(inputs[0])]);

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Attention_agrees_with_as_many_and_with_fewer_key_heads(ScalarType dtype)
    {
        Agree(dtype, [[3, Heads, Length, HeadWidth], [3, KvHeads, Length, HeadWidth], [3, KvHeads, Length, HeadWidth]], inputs => [Kernels.CausalAttention(inputs[0], inputs[1], inputs[2])]);
        Agree(dtype, [[2, 2, 5, 4], [2, 2, 5, 4], [2, 2, 5, 4]], inputs => [Kernels.CausalAttention(inputs[0], inputs[1], inputs[2])]);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Attention_of_one_position_agrees(ScalarType dtype) =>
        Agree(dtype, [[3, Heads, 1, HeadWidth], [3, KvHeads, 1, HeadWidth], [3, KvHeads, 1, HeadWidth]], inputs => [Kernels.CausalAttention(inputs[0], inputs[1], inputs[2])]);

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Packed_attention_agrees_for_ragged_groups_of_uneven_size(ScalarType dtype)
    {
        // Suffixes that end within a block of queries and beyond one, empty ones, a group without any.
        PackedGroup[] groups = [new(5, [3, 1, 0, 40]), new(33, [2]), new(1, []), new(70, [31, 32, 33, 1, 1])];
        var length = groups.Sum(group => group.Length);
        Agree(dtype, [[Heads, length, HeadWidth], [KvHeads, length, HeadWidth], [KvHeads, length, HeadWidth]], inputs => [Kernels.PackedAttention(inputs[0], inputs[1], inputs[2], groups)]);
        Agree(dtype, [[2, 6, 4], [2, 6, 4], [2, 6, 4]], inputs => [Kernels.PackedAttention(inputs[0], inputs[1], inputs[2], [new PackedGroup(6, [])])]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Packed_attention_of_single_rows_is_causal_attention(bool fused)
    {
        using var plainly = fused ? null : Kernels.Plain();
        using var scope = NewDisposeScope();
        var (q, k, v) = (Random(1, [1, Heads, 40, HeadWidth]).to_type(ScalarType.Float32), Random(2, [1, KvHeads, 40, HeadWidth]).to_type(ScalarType.Float32), Random(3, [1, KvHeads, 40, HeadWidth]).to_type(ScalarType.Float32));
        var packed = Kernels.PackedAttention(q.squeeze(0), k.squeeze(0), v.squeeze(0), [new PackedGroup(7, [33])]);
        Close(Kernels.CausalAttention(q, k, v).squeeze(0), packed, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Selected_log_probabilities_agree(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var tokens = tensor(new long[] { 0, 3, 36, 5 });
        Agree(dtype, [[4, 37]], inputs => [Kernels.SelectedLogps(inputs[0] * 10, tokens)]);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Selected_log_probabilities_with_entropies_agree(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var tokens = tensor(new long[] { 0, 3, 36, 5 });
        Agree(dtype, [[4, 37]], inputs =>
        {
            var (logps, entropies) = Kernels.SelectedLogpsWithEntropies(inputs[0] * 10, tokens);
            return [logps, entropies];
        });
    }

    [Fact]
    public void Log_probabilities_of_coarse_logits_are_float32()
    {
        using var scope = NewDisposeScope();
        var (logits, tokens) = (Random(1, [4, 37]).to_type(ScalarType.BFloat16), tensor(new long[] { 0, 3, 36, 5 }));
        var fused = Kernels.SelectedLogps(logits, tokens);
        using var plainly = Kernels.Plain();
        var plain = Kernels.SelectedLogps(logits, tokens);
        Assert.Equal((ScalarType.Float32, ScalarType.Float32), (fused.dtype, plain.dtype));
        Close(plain, fused, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void A_decoded_token_and_the_caches_it_leaves_agree(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var (cos, sin) = Rotary(dtype);
        var qkv = Random(1, [3, (Heads + (2 * KvHeads)) * HeadWidth]).to_type(dtype);
        var lengths = tensor(new long[] { 0, 4, Length - 1 });
        (Tensor Attended, Tensor K, Tensor V) Step()
        {
            var (k, v) = (Random(2, [3, KvHeads, Length, HeadWidth]).to_type(dtype), Random(3, [3, KvHeads, Length, HeadWidth]).to_type(dtype));
            return (Kernels.DecodeAttention(qkv, k, v, lengths, cos, sin, Heads), k, v);
        }

        var fused = Step();
        using var plainly = Kernels.Plain();
        var plain = Step();
        Close(plain.Attended, fused.Attended, 1e-5);
        Close(plain.K, fused.K, 1e-5);
        Close(plain.V, fused.V, 1e-5);
    }

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.7, 0, 1.0)]
    [InlineData(1.3, 5, 1.0)]
    [InlineData(1.0, 0, 0.8)]
    [InlineData(0.9, 7, 0.5)]
    [InlineData(1.0, 1, 1.0)]
    [InlineData(1.0, 99, 1.0)]
    [InlineData(0.0, 0, 1.0)]
    public void Drawn_tokens_agree(double temperature, int topK, double topP)
    {
        using var scope = NewDisposeScope();
        var logits = Random(4, [200, 37]) * 3;
        var uniforms = Enumerable.Range(0, 200).Select(row => new Draws(9).Key(row).Uniform()).ToArray();
        var fused = Kernels.SampleRows(logits, uniforms, temperature, topK, topP);
        using var plainly = Kernels.Plain();
        var plain = Kernels.SampleRows(logits, uniforms, temperature, topK, topP);
        Assert.Equal(plain.Tokens.data<long>(), fused.Tokens.data<long>());
        Close(plain.Logps, fused.Logps, 1e-5);
        Assert.Equal(ScalarType.Float32, fused.Logps.dtype);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_token_is_drawn_by_where_the_uniform_number_falls(bool fused)
    {
        using var plainly = fused ? null : Kernels.Plain();
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { 0.1f, 0.2f, 0.3f, 0.4f }).log().unsqueeze(0).expand(6, 4).contiguous();
        double[] uniforms = [0, 0.099, 0.101, 0.299, 0.601, 0.999999999];
        Assert.Equal([0, 0, 1, 1, 3, 3], Kernels.SampleRows(logits, uniforms, 1, 0, 1).Tokens.data<long>());
        // The two likeliest hold 0.7, of which the first 3/7 are token 2's.
        Assert.Equal([2, 2, 2, 2, 3, 3], Kernels.SampleRows(logits, uniforms, 1, 2, 1).Tokens.data<long>());
        Assert.Equal([2, 2, 2, 2, 3, 3], Kernels.SampleRows(logits, uniforms, 1, 0, 0.65).Tokens.data<long>());
        Assert.Equal([3, 3, 3, 3, 3, 3], Kernels.SampleRows(logits, uniforms, 0, 0, 1).Tokens.data<long>());
    }

    private static (Tensor Cos, Tensor Sin) Rotary(ScalarType dtype)
    {
        var angles = outer(arange(Length, dtype: ScalarType.Float64), arange(1, (HeadWidth / 2) + 1, dtype: ScalarType.Float64) * 0.3);
        return (angles.cos().to_type(dtype), angles.sin().to_type(dtype));
    }

    private static void Agree(ScalarType dtype, long[][] shapes, Func<Tensor[], Tensor[]> kernel)
    {
        using var scope = NewDisposeScope();
        Assert.True(Kernels.Fused, "PLUMB_FUSED=0 leaves nothing to compare");
        var tolerance = dtype == ScalarType.Float64 ? 1e-11 : 2e-4;
        var fused = Run();
        using var plainly = Kernels.Plain();
        var plain = Run();
        Assert.Equal(plain.Count, fused.Count);
        for (var i = 0; i < plain.Count; i++)
        {
            Close(plain[i], fused[i], tolerance);
        }

        // Outputs, then gradients of a weighted sum of all of them.
        List<Tensor> Run()
        {
            Tensor[] inputs = [.. shapes.Select((shape, i) => Random(i + 1, shape).to_type(dtype).requires_grad_())];
            var outputs = kernel(inputs);
            var sum = outputs.Select((output, i) => (output * Random(100 + i, output.shape).to_type(dtype)).sum()).Aggregate((a, b) => a + b);
            sum.backward();
            return [.. outputs, .. inputs.Select(input => input.grad!)];
        }
    }

    private static Tensor Random(int seed, long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, ScalarType.Float64, generator: generator);
    }

    private static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.InRange((expected - actual).abs().max().ToDouble(), 0, tolerance);
    }
}
