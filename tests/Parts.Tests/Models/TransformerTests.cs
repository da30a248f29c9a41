using Plumbline.Plugins.Transformer;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class TransformerTests
{
    /// <summary>Attention heads, key heads, tied embeddings.</summary>
    public static TheoryData<int, int?, bool> Shapes => new() { { 2, null, false }, { 4, 2, false }, { 4, 1, true } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_later_token_changes_nothing_before_it(int heads, int? kvHeads, bool tied)
    {
        using var model = New(heads, kvHeads, tied);
        using var scope = NewDisposeScope();
        var (first, second) = (Tokens(1, 9), Tokens(1, 9));
        second[0, 6] = tensor(9L);
        var (before, after) = (model.Hidden(first), model.Hidden(second));
        Assert.Equal(0, Gap(before.narrow(1, 0, 6), after.narrow(1, 0, 6)));
        Assert.True(Gap(before.narrow(1, 6, 3), after.narrow(1, 6, 3)) > 1e-3);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_earlier_token_counts(int heads, int? kvHeads, bool tied)
    {
        using var model = New(heads, kvHeads, tied);
        using var scope = NewDisposeScope();
        var last = model.Hidden(Tokens(1, 9)).narrow(1, 8, 1);
        for (var place = 0; place < 8; place++)
        {
            var changed = Tokens(1, 9);
            changed[0, place] = tensor(11L);
            Assert.True(Gap(last, model.Hidden(changed).narrow(1, 8, 1)) > 1e-6, $"token {place}");
        }
    }

    [Fact]
    public void The_stream_begins_at_the_embedding_and_its_last_state_after_the_norm_is_the_hidden_state()
    {
        using var model = New(2, null, false);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var tokens = Tokens(3, 7);
        var layers = model.HiddenStates(tokens);
        Assert.Equal([3, 3, 7, model.Width], layers.shape);
        var parameters = model.Network.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        Assert.Equal(0, Gap(parameters["embedding"].index_select(0, tokens.reshape(-1)).reshape(3, 7, -1), layers[0]));
        Assert.InRange(Gap(model.Hidden(tokens), Kernels.RmsNorm(layers[2], parameters["norm"], 1e-6)), 0, 1e-6);
        Assert.True(Gap(layers[0], layers[1]) > 1e-3 && Gap(layers[1], layers[2]) > 1e-3);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Reading_by_cache_gives_the_logits_of_a_full_forward(int heads, int? kvHeads, bool tied)
    {
        using var model = New(heads, kvHeads, tied);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var tokens = Tokens(3, 12);
        var full = model.Logits(model.Hidden(tokens));
        int[] lengths = [4, 1, 6];
        using var cache = model.NewCache(3, 12);
        var logits = model.Prefill(tokens.narrow(1, 0, 6).contiguous(), lengths, cache);
        for (var step = 0; ; step++)
        {
            for (var row = 0; row < 3; row++)
            {
                Assert.Equal(lengths[row] + step, cache.Lengths[row]);
                Assert.InRange(Gap(full[row, lengths[row] + step - 1], logits[row]), 0, 1e-5);
            }

            if (step == 6)
            {
                break;
            }

            logits = model.Decode(stack(Enumerable.Range(0, 3).Select(row => tokens[row, lengths[row] + step])), cache);
        }
    }

    [Fact]
    public void Chosen_rows_of_a_cache_go_on_as_they_would_have()
    {
        using var model = New();
        using var scope = NewDisposeScope();
        var tokens = Tokens(2, 5);
        using var cache = model.NewCache(2, 8);
        model.Prefill(tokens, [5, 3], cache);
        using var chosen = cache.Select([1, 0, 1]);
        Assert.Equal([3, 5, 3], chosen.Lengths);
        var next = model.Decode(tensor(new long[] { 4, 4, 4 }), chosen);
        // The first cache stayed as it was.
        Assert.Equal([5, 3], cache.Lengths);
        var straight = model.Decode(tensor(new long[] { 4, 4 }), cache);
        Assert.InRange(Gap(next[0], straight[1]), 0, 1e-6);
        Assert.InRange(Gap(next[1], straight[0]), 0, 1e-6);
        Assert.InRange(Gap(next[2], straight[1]), 0, 1e-6);
    }

    [Fact]
    public void Fused_and_plain_kernels_give_the_same_hidden_states()
    {
        using var model = New(4, 2);
        using var scope = NewDisposeScope();
        var fused = model.Hidden(Tokens(3, 12));
        using var plainly = Kernels.Plain();
        Assert.InRange(Gap(fused, model.Hidden(Tokens(3, 12))), 0, 1e-5);
    }

    [Fact]
    public void Tied_embeddings_are_the_head()
    {
        using var model = New(tied: true);
        using var scope = NewDisposeScope();
        Assert.False(model.Network.has_parameter("head"));
        var hidden = model.Hidden(Tokens(1, 4));
        Assert.InRange(Gap(hidden.matmul(model.Network.get_parameter("embedding")!.t()), model.Logits(hidden)), 0, 1e-5);
    }

    [Fact]
    public void Fewer_key_heads_make_a_narrower_projection()
    {
        using var model = New(4, 1);
        Assert.Equal([(4 + (2 * 1)) * 4, 16], model.Network.get_parameter("blocks.0.qkv")!.shape);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_estimate_counts_the_parameters_there_are(int heads, int? kvHeads, bool tied)
    {
        using var model = New(heads, kvHeads, tied);
        Assert.Equal(
            model.Network.parameters().Sum(parameter => parameter.numel()),
            Options(heads, kvHeads, tied).Estimate(new Tiny.NoServices()).Parameters);
    }

    [Fact]
    public void A_frozen_copy_is_equal_has_no_gradient_and_lives_on_its_own()
    {
        using var scope = NewDisposeScope();
        var model = New();
        using var frozen = (ICausalModel)model.Freeze();
        Assert.Equal(Tiny.WeightsOf(model), Tiny.WeightsOf(frozen));
        Assert.All(frozen.Network.parameters(), parameter => Assert.False(parameter.requires_grad));
        Assert.All(model.Network.parameters(), parameter => Assert.True(parameter.requires_grad));
        Assert.False(frozen.Network.training);
        var before = frozen.Hidden(Tokens(1, 5));
        using (no_grad())
        {
            foreach (var parameter in model.Network.parameters())
            {
                parameter.add_(1);
            }
        }

        Assert.Equal(0, Gap(before, frozen.Hidden(Tokens(1, 5))));
        model.Dispose();
        Assert.Equal(0, Gap(before, frozen.Hidden(Tokens(1, 5))));
    }

    [Fact]
    public void First_weights_depend_on_the_seed_and_the_parameters_name_alone()
    {
        using var small = New();
        using var again = New();
        using var deeper = New(change: options => options with { Layers = 4 });
        using var other = New(seed: 8);
        double[] Of(Transformer model, string name)
        {
            using var scope = NewDisposeScope();
            return model.Network.get_parameter(name)!.detach().to_type(ScalarType.Float64).reshape(-1).data<double>().ToArray();
        }

        Assert.Equal(Tiny.WeightsOf(small), Tiny.WeightsOf(again));
        Assert.All(["embedding", "head", "blocks.0.qkv", "blocks.1.gate_up"], name =>
        {
            Assert.Equal(Of(small, name), Of(deeper, name));
            Assert.NotEqual(Of(small, name), Of(other, name));
        });
        Assert.NotEqual(Of(small, "blocks.0.qkv"), Of(small, "blocks.1.qkv"));
        Assert.NotEqual(Of(small, "embedding"), Of(small, "head"));
    }

    [Fact]
    public void First_weights_spread_as_asked_and_projections_into_the_stream_less()
    {
        using var model = New(change: options => options with { Width = 64, Layers = 8, InitStd = 0.05 });
        using var scope = NewDisposeScope();
        double Spread(string name) => model.Network.get_parameter(name)!.detach().std().ToDouble();
        Assert.InRange(Spread("blocks.0.qkv"), 0.048, 0.052);
        Assert.InRange(Spread("blocks.0.down"), 0.048 / 4, 0.052 / 4);
        Assert.InRange(Spread("blocks.0.out"), 0.048 / 4, 0.052 / 4);
    }

    [Fact]
    public void Saved_weights_make_the_same_model_whatever_the_seed()
    {
        var folder = Directory.CreateTempSubdirectory("transformer");
        try
        {
            using var scope = NewDisposeScope();
            using var model = New();
            Training.Weights.SafeTensors.Save(Path.Combine(folder.FullName, "model.safetensors"), model.Network.state_dict());
            var run = new RunContext { Name = "test", Folder = "/", BaseFolder = folder.FullName, Seed = 99, Device = CPU, Dtype = ScalarType.Float32 };
            using var loaded = Tiny.NewModel(run, options => options with { Weights = "model.safetensors" });
            Assert.Equal(0, Gap(model.Hidden(Tokens(2, 7)), loaded.Hidden(Tokens(2, 7))));
            var error = Assert.Throws<PlumblineException>(() => Tiny.NewModel(run, options => options with { Weights = "model.safetensors", Width = 8 }));
            Assert.Contains("do not fit the model", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_sequence_longer_than_the_context_is_refused_in_words()
    {
        using var model = New();
        using var scope = NewDisposeScope();
        Assert.Contains("25 tokens is longer than the model's context_length of 24", Assert.Throws<PlumblineException>(() => model.Hidden(Tokens(1, 25))).Message, StringComparison.Ordinal);
        Assert.Contains("25 tokens is longer", Assert.Throws<PlumblineException>(() => model.NewCache(1, 25)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_full_cache_takes_no_more(bool fused)
    {
        using var plainly = fused ? null : Kernels.Plain();
        using var model = New();
        using var scope = NewDisposeScope();
        using var cache = model.NewCache(2, 5);
        model.Prefill(Tokens(2, 4), [2, 4], cache);
        model.Decode(tensor(new long[] { 1, 1 }), cache);
        Assert.Contains("row 1 of the key-value cache is full: it holds 5 tokens", Assert.Throws<PlumblineException>(() => model.Decode(tensor(new long[] { 1, 1 }), cache)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prompts_that_do_not_fit_a_cache_are_refused_in_words()
    {
        using var model = New();
        using var scope = NewDisposeScope();
        using var cache = model.NewCache(2, 5);
        foreach (var (rows, width, lengths) in new (int, int, int[])[] { (3, 4, [1, 1, 1]), (2, 6, [6, 6]), (2, 4, [4]), (2, 4, [4, 0]), (2, 4, [4, 5]) })
        {
            Assert.Contains("do not fit a key-value cache of 2 rows of 5 tokens", Assert.Throws<PlumblineException>(() => model.Prefill(Tokens(rows, width), lengths, cache)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(15, 2, null, "width must be a multiple of heads")]
    [InlineData(6, 2, null, "width / heads must be even")]
    [InlineData(16, 4, 3, "kv_heads must divide heads")]
    public void Widths_and_heads_that_do_not_go_together_are_named(int width, int heads, int? kvHeads, string message) =>
        Assert.Contains(message, Assert.Single((Options(heads, kvHeads) with { Width = width }).Check()), StringComparison.Ordinal);

    [Fact]
    public void A_model_disposed_of_leaves_no_tensor_alive()
    {
        // Strays of earlier tests first.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = torch.Tensor.TotalCount;
        var model = New();
        var frozen = model.Freeze();
        var cache = model.NewCache(2, 5);
        Assert.True(torch.Tensor.TotalCount > before);
        cache.Dispose();
        frozen.Dispose();
        model.Dispose();
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    private static TransformerOptions Options(int heads = 2, int? kvHeads = null, bool tied = false) => new()
    {
        Tokenizer = Part<ITokenizer>.Of("letters", new Letters()),
        Layers = 2,
        Width = 16,
        Heads = heads,
        KvHeads = kvHeads,
        TieEmbeddings = tied,
        ContextLength = 24,
        InitStd = 0.2,
    };

    private static Transformer New(int heads = 2, int? kvHeads = null, bool tied = false, long seed = 7, Func<TransformerOptions, TransformerOptions>? change = null) =>
        Tiny.NewModel(Tiny.NewRun(seed), _ => change?.Invoke(Options(heads, kvHeads, tied)) ?? Options(heads, kvHeads, tied));

    /// <summary>[rows, length] tokens, different in every row.</summary>
    private static Tensor Tokens(int rows, int length) =>
        tensor(Enumerable.Range(0, rows * length).Select(i => (long)new Draws(5).Key(i).Below(10)).ToArray(), [rows, length]);

    private static double Gap(Tensor a, Tensor b) => (a - b).detach().abs().max().ToDouble();
}
