using Plumbline.Plugins.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Models;

public sealed class IncrementalModelTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public void Tokens_read_in_pieces_give_the_logits_of_all_of_them_at_once(int? kvHeads)
    {
        using var model = Tiny.NewModel(Tiny.NewRun(3, ScalarType.Float64), options => options with { KvHeads = kvHeads });
        using var still = no_grad();
        var draws = new Draws(9);
        // Three rows, each in four pieces of unequal length.
        int[][] pieces = [[3, 1, 2], [1, 4, 1], [2, 2, 5], [4, 1, 2]];
        int[][] rows = [.. Enumerable.Range(0, 3).Select(row => Enumerable.Range(0, pieces.Sum(piece => piece[row])).Select(t => draws.Key(row).Key(t).Below(10)).ToArray())];
        using var cache = model.NewCache(3, 16);
        int[] read = [0, 0, 0];
        for (var p = 0; p < pieces.Length; p++)
        {
            var (width, lengths) = (pieces[p].Max(), pieces[p]);
            var tokens = tensor(Enumerable.Range(0, 3).SelectMany(row => Enumerable.Range(0, width).Select(t => t < lengths[row] ? (long)rows[row][read[row] + t] : 11)).ToArray(), [3, width]);
            var logits = p == 0 ? model.Prefill(tokens, lengths, cache) : model.Extend(tokens, lengths, cache);
            for (var row = 0; row < 3; row++)
            {
                read[row] += lengths[row];
                Near(Whole(model, rows[row][..read[row]]), logits[row]);
            }

            Assert.Equal(read, cache.Lengths);
        }

        var next = model.Decode(tensor(new long[] { 7, 8, 9 }), cache);
        for (var row = 0; row < 3; row++)
        {
            Near(Whole(model, [.. rows[row], 7 + row]), next[row]);
        }
    }

    [Fact]
    public void An_empty_cache_can_be_read_onto_too()
    {
        using var model = Tiny.NewModel(Tiny.NewRun(3, ScalarType.Float64));
        using var still = no_grad();
        using var cache = model.NewCache(1, 8);
        Near(Whole(model, [1, 2, 3]), model.Extend(tensor(new long[] { 1, 2, 3 }, [1, 3]), [3], cache)[0]);
    }

    [Fact]
    public void A_row_that_would_not_fit_is_refused()
    {
        using var model = Tiny.NewModel(Tiny.NewRun(3));
        using var cache = model.NewCache(1, 4);
        model.Prefill(tensor(new long[] { 1, 2, 3 }, [1, 3]), [3], cache);
        var error = Assert.Throws<PlumblineException>(() => model.Extend(tensor(new long[] { 1, 2 }, [1, 2]), [2], cache));
        Assert.Contains("can't take 2 more", error.Message, StringComparison.Ordinal);
    }

    private static Tensor Whole(Transformer model, int[] tokens) => model.Logits(model.Hidden(tensor(tokens.Select(token => (long)token).ToArray(), [1, tokens.Length])))[0, -1];

    private static void Near(Tensor expected, Tensor actual) => Assert.InRange((expected - actual).abs().max().ToDouble(), 0, 1e-9);
}
