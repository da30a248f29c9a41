using Plumbline.Engine;

namespace Plumbline.Tests.Engine;

/// <summary>The kernels written by hand, in float32, against the same composed of operators in float64: values and gradients.</summary>
public class FusedKernelTests
{
    private const double Eps = 1e-6;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(130, 33)]
    [InlineData(7, 256)]
    public void The_norm_is_its_formula(int rows, int width) => Agree(
        t => [FusedKernels.RmsNorm(t[0], t[1], Eps)],
        t => [t[0] * (t[0].square().mean([-1L], true) + Eps).rsqrt() * t[1]],
        Numbers(1, rows, width), Numbers(2, width));

    [Fact]
    public void The_norm_takes_any_shape_and_strides() => Agree(
        t => [FusedKernels.RmsNorm(t[0].transpose(0, 1), t[1], Eps)],
        t => [t[0].transpose(0, 1) * (t[0].transpose(0, 1).square().mean([-1L], true) + Eps).rsqrt() * t[1]],
        Numbers(1, 3, 4, 6), Numbers(2, 6));

    [Theory]
    [InlineData(1, 1, 1, 1, 2)]
    [InlineData(2, 5, 4, 4, 6)]
    [InlineData(2, 33, 6, 2, 8)]
    [InlineData(1, 7, 3, 1, 10)]
    public void Queries_keys_and_values_are_split_and_turned(int n, int length, int heads, int kvHeads, int width)
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = Turns(length + 3, width);
        Agree(
            t => FusedKernels.QkvRotary(t[0], heads, kvHeads, cos, sin) is var (q, k, v) ? [q, k, v] : [],
            t => Split(t[0], heads, kvHeads, cos.@double(), sin.@double()) is var (q, k, v) ? [q, k, v] : [],
            Numbers(3, n, length, (heads + (2 * kvHeads)) * width));
    }

    [Fact]
    public void A_part_without_a_gradient_counts_as_zero()
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = Turns(4, 6);
        Agree(
            t => [FusedKernels.QkvRotary(t[0], 2, 2, cos, sin).K],
            t => [Split(t[0], 2, 2, cos.@double(), sin.@double()).K],
            Numbers(3, 1, 4, 36));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 3)]
    [InlineData(40, 65)]
    public void The_gate_is_its_formula(int rows, int width) => Agree(
        t => [FusedKernels.SwiGlu(t[0])],
        t => [t[0].narrow(-1, 0, width).silu() * t[0].narrow(-1, width, width)],
        Numbers(4, rows, 2 * width) * 4);

    [Fact]
    public void The_gate_stays_finite_far_out()
    {
        using var scope = NewDisposeScope();
        var gate = tensor([-200f, -90f, 90f, 200f, 1f, 1f, 1f, 1f]).reshape(1, 8);

        Same.Close(tensor([0.0, 0, 90, 200]).reshape(1, 4), FusedKernels.SwiGlu(gate), 1e-5, 1e-30);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 1)]
    [InlineData(1, 1, 1, 1, 2)]
    [InlineData(2, 2, 2, 7, 3)]
    [InlineData(1, 4, 2, 31, 8)]
    [InlineData(1, 4, 1, 32, 16)]
    [InlineData(2, 6, 3, 33, 5)]
    [InlineData(1, 2, 2, 65, 32)]
    [InlineData(1, 2, 1, 100, 40)]
    public void Causal_attention_is_its_formula(int n, int heads, int kvHeads, int length, int width) => Agree(
        t => [FusedKernels.CausalAttention(t[0], t[1], t[2])],
        t => [Attend(t[0], t[1], t[2])],
        Numbers(5, n, heads, length, width), Numbers(6, n, kvHeads, length, width), Numbers(7, n, kvHeads, length, width));

    [Fact]
    public void Causal_attention_holds_out_against_large_scores() => Agree(
        t => [FusedKernels.CausalAttention(t[0] * 30, t[1] * 30, t[2])],
        t => [Attend(t[0] * 30, t[1] * 30, t[2])],
        Numbers(5, 1, 1, 40, 4), Numbers(6, 1, 1, 40, 4), Numbers(7, 1, 1, 40, 4));

    [Theory]
    [InlineData(1, 1, 1, 1, new[] { 1 })]
    [InlineData(2, 2, 3, 4, new[] { 2, 5, 0, 1 })]
    [InlineData(4, 2, 8, 31, new[] { 33, 1 })]
    [InlineData(6, 3, 5, 70, new[] { 40, 64, 3 })]
    public void Packed_attention_is_attention_over_the_prefix_and_the_own_suffix(int heads, int kvHeads, int width, int prefix, int[] suffixes)
    {
        // The same group twice: one must not see the other.
        var group = prefix + suffixes.Sum();
        Agree(
            t => [FusedKernels.PackedAttention(t[0], t[1], t[2], [prefix, prefix], [suffixes.Length, suffixes.Length], [.. suffixes.Concat(suffixes).Select(length => (long)length)])],
            t =>
            {
                var rows = new List<Tensor>();
                foreach (var start in new[] { 0, group })
                {
                    Tensor Alone(int own, int length, bool whole)
                    {
                        Tensor Row(Tensor x) => cat([x.narrow(1, start, prefix), x.narrow(1, own, length)], 1).unsqueeze(0);
                        var attended = Attend(Row(t[0]), Row(t[1]), Row(t[2])).squeeze(0);
                        return whole ? attended : attended.narrow(0, prefix, length);
                    }

                    rows.Add(Alone(start, 0, whole: true));
                    for (int i = 0, own = start + prefix; i < suffixes.Length; own += suffixes[i++])
                    {
                        rows.Add(Alone(own, suffixes[i], whole: false));
                    }
                }

                return [cat(rows, 0)];
            },
            Numbers(5, heads, 2 * group, width), Numbers(6, kvHeads, 2 * group, width), Numbers(7, kvHeads, 2 * group, width));
    }

    [Fact]
    public void Packed_attention_refuses_groups_that_do_not_fill_the_row()
    {
        using var scope = NewDisposeScope();
        var x = zeros(1, 6, 2);
        Assert.Contains("M tokens in all", Assert.ThrowsAny<Exception>(() => FusedKernels.PackedAttention(x, x, x, [2], [1], [3])).Message, StringComparison.Ordinal);
        Assert.Contains("prefixes of at least 1", Assert.ThrowsAny<Exception>(() => FusedKernels.PackedAttention(x, x, x, [0], [1], [6])).Message, StringComparison.Ordinal);
        Assert.Contains("as many suffixes", Assert.ThrowsAny<Exception>(() => FusedKernels.PackedAttention(x, x, x, [2], [2], [4])).Message, StringComparison.Ordinal);
        Assert.Contains("as many suffixes", Assert.ThrowsAny<Exception>(() => FusedKernels.PackedAttention(x, x, x, [2], [1], [4, 0])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(33, 50)]
    [InlineData(5, 1000)]
    public void Chosen_log_probabilities_and_entropies_are_their_formulas(int rows, int vocabulary)
    {
        using var scope = NewDisposeScope();
        var tokens = arange(rows) * 7 % tensor((long)vocabulary);
        Agree(
            t => FusedKernels.SelectedLogps(t[0], tokens) is var (logps, entropies) ? [logps, entropies] : [],
            t =>
            {
                var all = t[0].log_softmax(-1);
                return [all.gather(1, tokens.unsqueeze(1)).squeeze(1), -(all.exp() * all).sum(-1)];
            },
            Numbers(8, rows, vocabulary) * 3);
    }

    [Fact]
    public void The_log_probabilities_alone_carry_their_gradient()
    {
        using var scope = NewDisposeScope();
        var tokens = tensor([2L, 0L]);
        Agree(
            t => [FusedKernels.SelectedLogps(t[0], tokens).Logps],
            t => [t[0].log_softmax(-1).gather(1, tokens.unsqueeze(1)).squeeze(1)],
            Numbers(8, 2, 5));
        Agree(
            t => [FusedKernels.SelectedLogps(t[0], tokens).Entropies],
            t => [-(t[0].softmax(-1) * t[0].log_softmax(-1)).sum(-1)],
            Numbers(8, 2, 5));
    }

    [Fact]
    public void A_token_that_can_not_be_has_no_weight_in_the_entropy()
    {
        using var scope = NewDisposeScope();
        var logits = tensor([0f, 0f, float.NegativeInfinity, -1e9f]).reshape(1, 4).requires_grad_();

        var (logps, entropies) = FusedKernels.SelectedLogps(logits, tensor([1L]));
        (logps + entropies).sum().backward();

        Assert.Equal(-Math.Log(2), logps.item<float>(), 6);
        Assert.Equal(Math.Log(2), entropies.item<float>(), 6);
        Same.Close(tensor([-0.5, 0.5, 0, 0]).reshape(1, 4), logits.grad!, 1e-6, 1e-6);
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-12)]
    [InlineData(ScalarType.BFloat16, 0.05)]
    public void Other_types_take_libtorchs_operators(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (Numbers(5, 1, 4, 9, 8), Numbers(6, 1, 2, 9, 8), Numbers(7, 1, 2, 9, 8));
        var logits = Numbers(8, 3, 6);
        var tokens = tensor([0L, 5L, 2L]);

        var attended = FusedKernels.CausalAttention(q.to_type(type), k.to_type(type), v.to_type(type));
        var (logps, entropies) = FusedKernels.SelectedLogps(logits.to_type(type), tokens);
        var normed = FusedKernels.RmsNorm(logits.to_type(type), ones(6, dtype: type), Eps);

        Assert.Equal(type, attended.dtype);
        Same.Close(Attend(q, k, v), attended, tolerance, tolerance);
        var all = logits.log_softmax(-1);
        Same.Close(all.gather(1, tokens.unsqueeze(1)).squeeze(1), logps, tolerance, tolerance);
        Same.Close(-(all.exp() * all).sum(-1), entropies, tolerance, tolerance);
        Same.Close(logits * (logits.square().mean([-1L], true) + Eps).rsqrt(), normed, tolerance, tolerance);
    }

    [Fact]
    public void A_second_derivative_is_refused_rather_than_wrong()
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (rand([2, 3], requires_grad: true), rand([3], requires_grad: true));

        var refusal = Assert.ThrowsAny<Exception>(() => autograd.grad([FusedKernels.RmsNorm(x, weight, Eps).sum()], [x], create_graph: true));

        Assert.Contains("rms_norm has first derivatives only", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_named()
    {
        using var scope = NewDisposeScope();

        Assert.Contains("causal_attention(float32[1,3,4,2]", Assert.ThrowsAny<Exception>(() => FusedKernels.CausalAttention(zeros(1, 3, 4, 2), zeros(1, 2, 4, 2), zeros(1, 2, 4, 2))).Message, StringComparison.Ordinal);
        Assert.Contains("qkv_rotary(float32[1,4,9]", Assert.ThrowsAny<Exception>(() => FusedKernels.QkvRotary(zeros(1, 4, 9), 1, 1, zeros(4, 1), zeros(4, 1))).Message, StringComparison.Ordinal);
        Assert.Contains("token 9 is outside the vocabulary of 5", Assert.ThrowsAny<Exception>(() => FusedKernels.SelectedLogps(zeros(1, 5), tensor([9L]))).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => FusedKernels.SelectedLogps(zeros(2, 5), tensor([1L])));
        Assert.ThrowsAny<Exception>(() => FusedKernels.RmsNorm(zeros(2, 5), zeros(4), Eps));
        Assert.ThrowsAny<Exception>(() => FusedKernels.SwiGlu(zeros(2, 5)));
        Assert.ThrowsAny<Exception>(() => FusedKernels.QkvRotary(zeros(1, 4, 12), 1, 1, zeros(4, 3), zeros(4, 3)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(200)]
    public void Rows_times_weights_are_a_linear_layer(int rows)
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Numbers(9, rows, 37), Numbers(10, 53, 37));

        Same.Close(x.matmul(weight.t()), FusedKernels.LinearRows(x.@float(), weight.@float()), 2e-5, 2e-5);
    }

    internal static Tensor Numbers(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: ScalarType.Float64, generator: generator);
    }

    internal static (Tensor Cos, Tensor Sin) Turns(long length, long width)
    {
        var angles = arange(length).unsqueeze(1) * tensor(10.0).pow(-arange(width / 2, dtype: ScalarType.Float64));
        return (angles.cos().@float(), angles.sin().@float());
    }

    internal static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.chunk(2, -1);
        return cat([(half[0] * cos) - (half[1] * sin), (half[1] * cos) + (half[0] * sin)], -1);
    }

    internal static (Tensor Q, Tensor K, Tensor V) Split(Tensor qkv, long heads, long kvHeads, Tensor cos, Tensor sin)
    {
        var (n, length) = (qkv.shape[0], qkv.shape[1]);
        var all = qkv.reshape(n, length, heads + (2 * kvHeads), -1).transpose(1, 2);
        var (c, s) = (cos.narrow(0, 0, length), sin.narrow(0, 0, length));
        return (Rotate(all.narrow(1, 0, heads), c, s), Rotate(all.narrow(1, heads, kvHeads), c, s), all.narrow(1, heads + kvHeads, kvHeads));
    }

    internal static Tensor Attend(Tensor q, Tensor k, Tensor v)
    {
        var (n, heads, length, width) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3]);
        var shared = heads / k.shape[1];
        var later = ones(length, length, dtype: ScalarType.Bool).triu(1);
        var scores = q.matmul(k.repeat_interleave(shared, 1).transpose(-2, -1)) / Math.Sqrt(width);
        return scores.masked_fill(later, double.NegativeInfinity).softmax(-1).matmul(v.repeat_interleave(shared, 1)).transpose(1, 2).reshape(n, length, heads * width);
    }

    private static void Agree(Func<Tensor[], Tensor[]> fused, Func<Tensor[], Tensor[]> plain, params Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        Tensor[] single = [.. inputs.Select(input => input.@float().requires_grad_())];
        Tensor[] twice = [.. single.Select(input => input.detach().@double().requires_grad_())];
        var (found, wanted) = (fused(single), plain(twice));
        Weighed(found).backward();
        Weighed(wanted).backward();
        foreach (var (expected, actual) in wanted.Zip(found))
        {
            Assert.Equal(ScalarType.Float32, actual.dtype);
            Same.Close(expected, actual, 2e-5, 2e-5, "value,");
        }

        for (var i = 0; i < inputs.Length; i++)
        {
            Same.Close(twice[i].grad!, single[i].grad!, 1e-4, 1e-4, $"gradient by input {i},");
        }
    }

    private static Tensor Weighed(Tensor[] outputs) =>
        outputs.Aggregate(zeros_like(outputs[0]).sum(), (sum, output) => sum + (output * arange(output.numel()).reshape(output.shape).to_type(output.dtype).sin()).sum());
}
