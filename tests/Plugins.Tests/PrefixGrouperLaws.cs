using Plumbline.Plugins.PrefixGrouper;
using Plumbline.Training;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class PrefixGrouperLaws
{
    private const int Width = 4;

    [Fact]
    public void A_group_of_one_is_an_ordinary_causal_row() => Given.AnyBatch(random =>
    {
        var (prefix, suffix) = (random.Next(1, 5), random.Next(1, 5));
        var n = prefix + suffix;
        var layout = SharedForm.Layout(prefix, [suffix]);
        Assert.Equal(Enumerable.Range(0, n).Select(i => (long)i), layout.Tensor("position_ids").data<long>());
        Assert.Equal(ones([n, n], ScalarType.Bool).tril().data<bool>().ToArray(), layout.Tensor("attention_mask").data<bool>().ToArray());
        Assert.Equal(Enumerable.Range(prefix - 1, suffix).Select(i => (long)i), layout.Tensor("logit_index").data<long>());
        var cost = SharedForm.Cost(prefix, [suffix]);
        Assert.Equal((1.0, 1.0), ((double)cost["attention_ratio"], (double)cost["token_ratio"]));
        var (q, k, v) = (random.Normal(1, n, Width), random.Normal(1, n, Width), random.Normal(1, n, Width));
        static Tensor Row(Tensor x) => x.reshape(1, 1, -1, Width);
        Given.Same(Kernels.CausalAttention(Row(q), Row(k), Row(v)).squeeze(0), SharedForm.Attention(prefix, [suffix], q, k, v, new SharedAttentionOptions()).Tensor("output"));
    });

    [Fact]
    public void The_split_form_is_dense_attention_under_the_mask_in_values_and_gradients() => Given.AnyBatch(random =>
    {
        var (prefix, suffixes) = Shape(random);
        var n = prefix + suffixes.Sum();
        Tensor[] inputs = [.. Enumerable.Range(0, 3).Select(_ => random.Normal(1, n, Width).requires_grad_())];
        var (q, k, v) = (inputs[0], inputs[1], inputs[2]);
        var weights = random.Normal(1, n, Width);
        var split = SharedForm.Attention(prefix, suffixes, q, k, v, new SharedAttentionOptions { Heads = 2 }, weights);

        static Tensor Heads(Tensor x) => x.reshape(-1, 2, Width / 2).transpose(0, 1);
        var hidden = SharedForm.Layout(prefix, suffixes).Tensor("attention_mask").logical_not();
        var scores = (Heads(q).matmul(Heads(k).transpose(1, 2)) / Math.Sqrt(Width / 2)).masked_fill(hidden, double.NegativeInfinity);
        var dense = scores.softmax(-1).matmul(Heads(v)).transpose(0, 1).reshape(n, Width);
        Given.Same(dense.detach(), split.Tensor("output"));
        var wanted = autograd.grad([(dense * weights).sum()], inputs);
        foreach (var (input, gradient) in inputs.Zip(wanted))
        {
            Given.Same(gradient!, split.GradientOf(input));
        }
    });

    [Fact]
    public void Permuting_the_suffixes_permutes_the_outputs() => Given.AnyBatch(random =>
    {
        var (prefix, suffixes) = Shape(random);
        var n = prefix + suffixes.Sum();
        var order = Enumerable.Range(0, suffixes.Length).ToArray();
        random.Shuffle(order);
        var starts = suffixes.Select((_, i) => prefix + suffixes[..i].Sum()).ToArray();
        var index = tensor(Enumerable.Range(0, prefix).Concat(order.SelectMany(i => Enumerable.Range(starts[i], suffixes[i]))).Select(i => (long)i).ToArray());
        var (q, k, v) = (random.Normal(1, n, Width), random.Normal(1, n, Width), random.Normal(1, n, Width));
        Tensor Output(int[] lengths, Tensor a, Tensor b, Tensor c) => SharedForm.Attention(prefix, lengths, a, b, c, new SharedAttentionOptions()).Tensor("output");
        Given.Same(
            Output(suffixes, q, k, v).index_select(0, index),
            Output([.. order.Select(i => suffixes[i])], q.index_select(0, index), k.index_select(0, index), v.index_select(0, index)));
    });

    [Fact]
    public void A_token_of_one_suffix_changes_no_other_suffix_and_none_before_it() => Given.AnyBatch(random =>
    {
        var (prefix, suffixes) = Shape(random);
        var weights = Weights(random, prefix + suffixes.Max());
        var tokens = Tokens(random, prefix + suffixes.Sum());
        var before = Logps(prefix, suffixes, tokens, weights);
        var changed = random.Next(suffixes.Length);
        var place = random.Next(suffixes[changed]);
        var other = tokens.clone();
        var at = prefix + suffixes[..changed].Sum() + place;
        other[at] = (other[at] + 1) % 6;
        var after = Logps(prefix, suffixes, other, weights);
        for (var g = 0; g < suffixes.Length; g++)
        {
            var same = g == changed ? place : suffixes[g];
            Assert.Equal(before[g].narrow(0, 0, same).data<double>().ToArray(), after[g].narrow(0, 0, same).data<double>().ToArray());
        }

        Assert.NotEqual(before[changed, place].ToDouble(), after[changed, place].ToDouble());
    });

    [Fact]
    public void Log_probabilities_of_a_group_are_those_of_its_rows_one_by_one() => Given.AnyBatch(random =>
    {
        var (prefix, suffixes) = Shape(random);
        var weights = Weights(random, prefix + suffixes.Max());
        var tokens = Tokens(random, prefix + suffixes.Sum());
        var together = Logps(prefix, suffixes, tokens, weights);
        for (int g = 0, start = prefix; g < suffixes.Length; start += suffixes[g++])
        {
            var alone = Logps(prefix, [suffixes[g]], cat([tokens.narrow(0, 0, prefix), tokens.narrow(0, start, suffixes[g])]), weights);
            Given.Same(alone[0], together[g].narrow(0, 0, suffixes[g]));
            Given.Same(0, together[g].narrow(0, suffixes[g], suffixes.Max() - suffixes[g]));
        }
    });

    [Fact]
    public void Sharing_never_costs_more() => Given.AnyBatch(random =>
    {
        var (prefix, suffixes) = Shape(random);
        var cost = SharedForm.Cost(prefix, suffixes);
        Assert.True((double)cost["attention_ratio"] > 1 && (double)cost["token_ratio"] > 1);
    });

    [Fact]
    public void With_a_growing_prompt_both_ratios_tend_to_the_size_of_the_group()
    {
        var cost = SharedForm.Cost(10_000_000, [.. Enumerable.Repeat(8, 16)]);
        Assert.Equal(16, (double)cost["attention_ratio"], 3);
        Assert.Equal(16, (double)cost["token_ratio"], 3);
    }

    [Theory]
    [InlineData("advantages", 9, 6, 3)]
    [InlineData("positions", 9, 5, 2)]
    [InlineData("tokens", 8, 6, 2)]
    public void What_does_not_fit_is_refused_by_name(string name, int tokens, int positions, int advantages)
    {
        using var scope = NewDisposeScope();
        var w = zeros([Width, Width], ScalarType.Float64);
        Assert.Contains(
            name,
            Assert.Throws<InvalidInputException>(() => SharedForm.Layer(
                3, [3, 3], zeros([tokens], ScalarType.Int64), zeros([advantages], ScalarType.Float64), zeros([6, Width], ScalarType.Float64), zeros([positions, Width], ScalarType.Float64),
                w, w, w, w, zeros([Width, 6], ScalarType.Float64))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_objective_is_grpos() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(6, 5);
        var batch = new GroupBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["advantages"] = random.Normal(1, 6),
        };
        var own = new PrefixGrouper(new PrefixGrouperOptions { EpsilonHigh = 0.28 }).Compute(batch);
        var grpo = new Plumbline.Plugins.Grpo.Grpo(new Plumbline.Plugins.Grpo.GrpoOptions { EpsilonHigh = 0.28 }).Compute(batch);
        Given.Same(grpo.Value, own.Value);
        Given.Same(grpo.GradientOf(batch.Logps), own.GradientOf(batch.Logps));
        Given.Same(grpo.Tensor("clip_ratio_region"), own.Tensor("clip_ratio"));
    });

    /// <summary>A prefix and two to four suffixes.</summary>
    private static (int Prefix, int[] Suffixes) Shape(Random random) => (random.Next(1, 5), [.. Enumerable.Range(0, random.Next(2, 5)).Select(_ => random.Next(1, 5))]);

    private static Tensor Tokens(Random random, int count) => tensor(Enumerable.Range(0, count).Select(_ => (long)random.Next(6)).ToArray());

    private static Tensor[] Weights(Random random, int positions) =>
        [random.Normal(1, 6, Width), random.Normal(1, positions, Width), .. Enumerable.Range(0, 4).Select(_ => random.Normal(1, Width, Width)), random.Normal(1, Width, 6)];

    private static Tensor Logps(int prefix, int[] suffixes, Tensor tokens, Tensor[] w) => SharedForm.Layer(
        prefix, suffixes, tokens, zeros([suffixes.Length], ScalarType.Float64), w[0], w[1], w[2], w[3], w[4], w[5], w[6]).Tensor("logps");
}
