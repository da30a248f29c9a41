using Plumbline.Engine;

namespace Plumbline.Tests.Engine;

public class SampleRowsTests
{
    private static readonly double[] Uniforms = [0, 1e-12, 0.1, 0.25, 0.499, 0.5, 0.75, 0.9, 0.999, 1 - 1e-16];

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(0.5, 0, 1)]
    [InlineData(2, 3, 1)]
    [InlineData(1, 1, 1)]
    [InlineData(1, 0, 0.6)]
    [InlineData(1, 0, 1e-9)]
    [InlineData(0.7, 4, 0.8)]
    [InlineData(1, 100, 0.95)]
    public void A_draw_inverts_the_cut_distribution(double temperature, int topK, double topP)
    {
        using var scope = NewDisposeScope();
        var logits = FusedKernelTests.Numbers(1, Uniforms.Length, 12) * 2;

        var (tokens, logps) = FusedKernels.SampleRows(logits, tensor(Uniforms), temperature, topK, topP);

        for (var row = 0; row < Uniforms.Length; row++)
        {
            var values = Same.Values(logits.select(0, row));
            var expected = Draw(values, Uniforms[row], temperature, topK, topP);
            Assert.Equal(expected, tokens.data<long>()[row]);
            var sum = values.Sum(value => Math.Exp(value / temperature));
            Assert.Equal((values[expected] / temperature) - Math.Log(sum), logps.data<float>()[row], 5);
        }
    }

    [Fact]
    public void Temperature_zero_takes_the_likeliest_with_its_log_probability_at_one()
    {
        using var scope = NewDisposeScope();
        var logits = tensor([1f, 3f, 2f, 5f, 5f, 0f]).reshape(2, 3);

        var (tokens, logps) = FusedKernels.SampleRows(logits, tensor([0.99, 0.99]), 0, 0, 1);

        Assert.Equal([1L, 0L], tokens.data<long>().ToArray());
        Same.Close(logits.@double().log_softmax(-1).gather(1, tokens.unsqueeze(1)).squeeze(1), logps, 1e-6, 1e-6);
    }

    [Fact]
    public void A_row_draws_the_same_in_any_company()
    {
        using var scope = NewDisposeScope();
        var logits = FusedKernelTests.Numbers(2, 40, 9).@float();
        var uniforms = rand(40, dtype: ScalarType.Float64, generator: new Generator(3));
        var (together, logps) = FusedKernels.SampleRows(logits, uniforms, 0.8, 5, 0.9);

        for (var row = 0; row < 40; row++)
        {
            var (alone, logp) = FusedKernels.SampleRows(logits.narrow(0, row, 1), uniforms.narrow(0, row, 1), 0.8, 5, 0.9);
            Assert.Equal(together.data<long>()[row], alone.item<long>());
            Assert.Equal(logps.data<float>()[row], logp.item<float>());
        }
    }

    [Fact]
    public void Draws_follow_the_distribution()
    {
        using var scope = NewDisposeScope();
        const int count = 20000;
        var probabilities = tensor([0.5, 0.3, 0.15, 0.05]);
        var uniforms = (arange(count, dtype: ScalarType.Float64) + 0.5) / count;

        var (tokens, _) = FusedKernels.SampleRows(probabilities.log().expand(count, 4), uniforms, 1, 0, 1);

        Same.Close(probabilities, tokens.bincount(null, 4).@double() / count, 1e-3, 1e-4);
    }

    [Fact]
    public void What_can_not_be_is_never_drawn()
    {
        using var scope = NewDisposeScope();
        var logits = tensor([float.NegativeInfinity, 0f, float.NegativeInfinity]).expand(3, 3);

        var (tokens, logps) = FusedKernels.SampleRows(logits, tensor([0.0, 0.5, 1 - 1e-16]), 1, 0, 1);

        Assert.Equal([1L, 1L, 1L], tokens.data<long>().ToArray());
        Assert.Equal([0f, 0f, 0f], logps.data<float>().ToArray());
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.NegativeInfinity)]
    public void A_row_without_a_distribution_is_refused(double value)
    {
        using var scope = NewDisposeScope();
        var logits = cat([zeros(1, 3), full(1, 3, value)]);

        Assert.Contains("row 1", Assert.ThrowsAny<Exception>(() => FusedKernels.SampleRows(logits, tensor([0.5, 0.5]), 1, 0, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Uniforms_of_another_type_or_number_are_refused()
    {
        using var scope = NewDisposeScope();

        Assert.ThrowsAny<Exception>(() => FusedKernels.SampleRows(zeros(2, 3), tensor([0.5f, 0.5f]), 1, 0, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.SampleRows(zeros(2, 3), tensor([0.5]), 1, 0, 1));
        Assert.ThrowsAny<Exception>(() => FusedKernels.SampleRows(zeros(3), tensor([0.5]), 1, 0, 1));
    }

    // The definition, in the order of the vocabulary: keep the k likeliest, then the likeliest that hold p of what is kept, then invert.
    private static int Draw(double[] logits, double uniform, double temperature, int topK, double topP)
    {
        double[] p = [.. logits.Select(value => Math.Exp((value - logits.Max()) / temperature))];
        int[] likeliest = [.. Enumerable.Range(0, p.Length).OrderByDescending(v => p[v]).Take(topK > 0 ? topK : p.Length)];
        var limit = topP * likeliest.Sum(v => p[v]);
        var (seen, kept) = (0.0, new HashSet<int>());
        foreach (var v in likeliest)
        {
            if (kept.Count == 0 || seen < limit)
            {
                kept.Add(v);
                seen += p[v];
            }
        }

        var (target, running) = (uniform * kept.Sum(v => p[v]), 0.0);
        foreach (var v in kept.Order())
        {
            running += p[v];
            if (running > target)
            {
                return v;
            }
        }

        return kept.Max();
    }
}
