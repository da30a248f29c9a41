using FsCheck;
using FsCheck.Fluent;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

/// <summary>Random batches in float64, and comparisons.</summary>
internal static class Given
{
    private const double Tolerance = 1e-9;

    /// <summary>Checks a law on random batches; a failure tells the seed.</summary>
    internal static void AnyBatch(Action<Random> law) => Prop.ForAll<int>(seed =>
    {
        using var scope = NewDisposeScope();
        law(new Random(seed));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(50).WithQuietOnSuccess(true));

    internal static Tensor Normal(this Random random, double scale, params long[] shape)
    {
        var values = new double[shape.Aggregate(1L, (a, b) => a * b)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        }

        return tensor(values, shape);
    }

    /// <summary>[n,t] right-padded: each row has from 1 to t tokens.</summary>
    internal static Tensor Mask(this Random random, int n, int t)
    {
        var values = new double[n * t];
        for (var row = 0; row < n; row++)
        {
            Array.Fill(values, 1, row * t, random.Next(1, t + 1));
        }

        return tensor(values, [n, t]);
    }

    /// <summary>[n,t] log-probabilities, 0 where masked.</summary>
    internal static Tensor Logps(this Random random, Tensor mask) => -(random.Normal(1, mask.shape).abs() * mask);

    /// <summary>[n,t] token ids of a vocabulary of three.</summary>
    internal static Tensor Tokens(this Random random, int n, int t) => tensor(Enumerable.Range(0, n * t).Select(_ => (long)random.Next(3)).ToArray(), [n, t]);

    /// <summary>[n] groups of at least two members, interleaved, ids with gaps.</summary>
    internal static Tensor GroupIds(this Random random, int groups, int size)
    {
        long[] ids = [.. Enumerable.Range(0, groups * size).Select(i => (long)(i % groups * 3))];
        random.Shuffle(ids);
        return tensor(ids);
    }

    internal static PairBatch Pairs(this Random random, bool reference = true)
    {
        var n = random.Next(1, 5);
        var (chosen, rejected) = (random.Mask(n, random.Next(1, 7)), random.Mask(n, random.Next(1, 7)));
        var batch = new PairBatch
        {
            ["policy_chosen_logps"] = random.Logps(chosen).requires_grad_(),
            ["policy_rejected_logps"] = random.Logps(rejected).requires_grad_(),
            ["chosen_mask"] = chosen,
            ["rejected_mask"] = rejected,
        };
        if (reference)
        {
            batch.With("reference_chosen_logps", random.Logps(chosen)).With("reference_rejected_logps", random.Logps(rejected));
        }

        return batch;
    }

    /// <summary>The same batch with some inputs replaced.</summary>
    internal static PairBatch But(this PairBatch batch, params (string Name, Tensor Value)[] replaced)
    {
        var copy = new PairBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name])));
        foreach (var (name, value) in replaced)
        {
            copy.With(name, value);
        }

        return copy;
    }

    /// <summary>The same batch with the sides swapped.</summary>
    internal static PairBatch Swapped(this PairBatch batch) => new(batch.Names.Select(name => KeyValuePair.Create(
        name.Contains("chosen", StringComparison.Ordinal) ? name.Replace("chosen", "rejected", StringComparison.Ordinal) : name.Replace("rejected", "chosen", StringComparison.Ordinal), (object)batch[name])));

    internal static Tensor GradientOf(this Loss loss, Tensor input) => autograd.grad([loss.Value], [input], retain_graph: true)[0]!;

    internal static void Same(Tensor expected, Tensor actual) =>
        Assert.True(
            expected.shape.AsSpan().SequenceEqual(actual.shape) && Largest(expected - actual) <= Tolerance * (1 + Largest(expected)),
            $"expected {expected}, got {actual}");

    internal static void Same(double expected, Tensor actual) => Same(full_like(actual, expected), actual);

    private static double Largest(Tensor values) => values.numel() == 0 ? 0 : values.detach().abs().max().ToDouble();
}
