using Plumbline.Training.Engine;
using Plumbline.Training.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Transformer;

/// <summary>A decoder-only transformer: RMSNorm, rotary positions, SwiGLU, optional grouped-query attention.</summary>
/// <remarks>
/// The first weights are a pure function of the run's seed and each parameter's name. Queries, keys and values come from one
/// projection, gate and up from another. Without gradient, <see cref="Prefill"/> and <see cref="Decode"/> read and write a cache.
/// </remarks>
[Model("transformer")]
[Default("tokenizer", "bytes")]
public sealed class Transformer : ILayeredModel, ISharedPrefixModel, IIncrementalModel
{
    private readonly TransformerOptions _options;
    private readonly Decoder _network;

    /// <summary>Builds the network on the run's device and dtype.</summary>
    public Transformer(TransformerOptions options, RunContext run, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        _options = options;
        Tokenizer = options.Tokenizer.Create(services);
        _network = new Decoder(options, Tokenizer.VocabularySize, run.Device, run.Dtype);
        _network.Initialize(run.Draws.Key("weights"));
        if (options.Weights is { } path)
        {
            SafeTensors.LoadInto(run.Resolve(path), _network);
        }
    }

    private Transformer(Transformer other)
    {
        _options = other._options;
        Tokenizer = other.Tokenizer;
        var like = other._network.Embedding;
        _network = new Decoder(_options, Tokenizer.VocabularySize, like.device, like.dtype);
        _network.load_state_dict(other._network.state_dict());
        _network.eval();
        foreach (var parameter in _network.parameters())
        {
            parameter.requires_grad = false;
        }
    }

    /// <inheritdoc/>
    public nn.Module Network => _network;

    /// <inheritdoc/>
    public ITokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public int ContextLength => _options.ContextLength;

    /// <inheritdoc/>
    public int Width => _options.Width;

    /// <inheritdoc/>
    public Tensor Hidden(Tensor tokens) => _network.Hidden(tokens, null);

    /// <inheritdoc/>
    public Tensor HiddenStates(Tensor tokens)
    {
        var layers = new List<Tensor>();
        _network.Hidden(tokens, null, layers);
        return stack([.. layers]);
    }

    /// <inheritdoc/>
    public Tensor Hidden(PackedSequences packed) => _network.Hidden(packed);

    /// <inheritdoc/>
    public Tensor Logits(Tensor hidden) => _network.Logits(hidden);

    /// <inheritdoc/>
    public IKeyValueCache NewCache(int rows, int capacity)
    {
        if (capacity > ContextLength)
        {
            throw new PlumblineException($"a sequence of {capacity} tokens is longer than the model's context_length of {ContextLength}");
        }

        return new Cache(_options, rows, capacity, _network.Embedding.device, _network.Embedding.dtype);
    }

    /// <inheritdoc/>
    public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        var own = (Cache)cache;
        own.RequireRoom(tokens.shape[0], tokens.shape[1], lengths);
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var hidden = _network.Hidden(tokens, own);
        own.SetLengths([.. lengths]);
        var last = tensor(lengths.Select(length => (long)length - 1).ToArray(), device: tokens.device);
        var states = hidden.take_along_dim(last.reshape(-1, 1, 1).expand(-1, 1, Width), 1).squeeze(1);
        return _network.Logits(states).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Extend(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(lengths);
        var own = (Cache)cache;
        own.RequireMore(tokens.shape[0], tokens.shape[1], lengths);
        using var still = no_grad();
        using var scope = NewDisposeScope();
        // A row's padding repeats its last token at its last place: what is written there again is the same, and the last column is every row's last token.
        var places = arange(tokens.shape[1], device: tokens.device).unsqueeze(0).minimum(tensor(lengths.Select(length => length - 1L).ToArray(), device: tokens.device).unsqueeze(1));
        var states = _network.Extend(tokens.gather(1, places), places + own.LengthTensor.unsqueeze(1), own);
        own.SetLengths([.. own.Lengths.Zip(lengths, (before, more) => before + more)]);
        return _network.NextLogits(states).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Decode(Tensor tokens, IKeyValueCache cache)
    {
        var own = (Cache)cache;
        own.RequireRoom();
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var logits = _network.NextLogits(_network.Step(tokens, own));
        own.Advance();
        return logits.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public IModel Freeze() => new Transformer(this);

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}

/// <summary>The network itself; reads from top to bottom.</summary>
internal sealed class Decoder : nn.Module
{
    private readonly TransformerOptions _options;
    private readonly Block[] _blocks;
    private readonly Parameter _norm;
    private readonly Parameter? _head;
    private readonly Tensor _cos;
    private readonly Tensor _sin;

    internal Decoder(TransformerOptions options, int vocabulary, Device device, ScalarType dtype)
        : base(nameof(Decoder))
    {
        _options = options;
        using var scope = NewDisposeScope();
        Embedding = new Parameter(empty([vocabulary, options.Width], dtype, device));
        register_parameter("embedding", Embedding);
        _blocks = [.. Enumerable.Range(0, options.Layers).Select(_ => new Block(options, device, dtype))];
        for (var i = 0; i < _blocks.Length; i++)
        {
            register_module($"blocks.{i}", _blocks[i]);
        }

        _norm = new Parameter(ones([options.Width], dtype, device));
        register_parameter("norm", _norm);
        if (!options.TieEmbeddings)
        {
            _head = new Parameter(empty([vocabulary, options.Width], dtype, device));
            register_parameter("head", _head);
        }

        var half = options.HeadWidth / 2;
        var frequencies = exp(arange(half, dtype: ScalarType.Float64) * (-Math.Log(options.RopeBase) / half));
        var angles = outer(arange(options.ContextLength, dtype: ScalarType.Float64), frequencies);
        _cos = angles.cos().to(dtype, device).DetachFromDisposeScope();
        _sin = angles.sin().to(dtype, device).DetachFromDisposeScope();
        // TorchSharp leaves a parameter in the scope of the tensor it was made from.
        scope.Detach(parameters());
    }

    internal Parameter Embedding { get; }

    /// <summary>Fills the weights; each parameter's numbers depend on its name and the seed alone.</summary>
    internal void Initialize(Draws draws)
    {
        using var still = no_grad();
        foreach (var (name, parameter) in named_parameters())
        {
            if (parameter.dim() == 1)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)draws.Key(name).Seed());
            var scale = name.EndsWith(".out", StringComparison.Ordinal) || name.EndsWith(".down", StringComparison.Ordinal) ? 1 / Math.Sqrt(2.0 * _options.Layers) : 1;
            parameter.copy_(normal(0, _options.InitStd * scale, parameter.shape, ScalarType.Float32, generator: generator));
        }
    }

    /// <summary>[N,T] to [N,T,W]; with a cache, every token's keys and values are kept in it; with a list, the stream after the embedding and each block is added to it.</summary>
    internal Tensor Hidden(Tensor tokens, Cache? cache, List<Tensor>? layers = null)
    {
        RequireRoom(tokens.shape[1]);
        var x = Kernels.Embed(tokens, Embedding);
        layers?.Add(x);
        for (var i = 0; i < _blocks.Length; i++)
        {
            x = _blocks[i].Read(x, _cos, _sin, cache?.Layer(i));
            layers?.Add(x);
        }

        return Kernels.RmsNorm(x, _norm, _options.NormEps);
    }

    /// <summary>Packed sequences to [A,W]. After the last attention only the places asked for go on.</summary>
    internal Tensor Hidden(PackedSequences packed)
    {
        RequireRoom(packed.Groups.Max(group => group.PrefixLength + group.SuffixLengths.DefaultIfEmpty().Max()));
        var x = Kernels.Embed(packed.Tokens, Embedding);
        var (cos, sin) = (_cos.index_select(0, packed.Positions), _sin.index_select(0, packed.Positions));
        for (var i = 0; i < _blocks.Length; i++)
        {
            x = _blocks[i].Read(x, cos, sin, packed.Groups, i == _blocks.Length - 1 ? packed.Places : null);
        }

        return Kernels.RmsNorm(x, _norm, _options.NormEps);
    }

    /// <summary>[N] to [N,W]: one more token a row.</summary>
    internal Tensor Step(Tensor tokens, Cache cache)
    {
        var x = Kernels.Embed(tokens, Embedding);
        for (var i = 0; i < _blocks.Length; i++)
        {
            x = _blocks[i].Step(x, _cos, _sin, cache.Layer(i), cache.LengthTensor);
        }

        return Kernels.RmsNorm(x, _norm, _options.NormEps);
    }

    /// <summary>[N,T] more tokens a row, and their places, to the state after the last column, [N,W].</summary>
    internal Tensor Extend(Tensor tokens, Tensor places, Cache cache)
    {
        var x = Kernels.Embed(tokens, Embedding);
        for (var i = 0; i < _blocks.Length; i++)
        {
            x = _blocks[i].Extend(x, _cos, _sin, cache.Layer(i), places);
        }

        return Kernels.RmsNorm(x.select(1, -1).contiguous(), _norm, _options.NormEps);
    }

    internal Tensor Logits(Tensor hidden) => nn.functional.linear(hidden, _head ?? Embedding);

    private void RequireRoom(long length)
    {
        if (length > _options.ContextLength)
        {
            throw new PlumblineException($"a sequence of {length} tokens is longer than the model's context_length of {_options.ContextLength}; raise it or shorten the data");
        }
    }

    /// <summary>[N,W] to [N,V], the few rows of a decoding step.</summary>
    internal Tensor NextLogits(Tensor hidden) => Kernels.LinearRows(hidden, _head ?? Embedding);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _cos.Dispose();
            _sin.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>Attention and a gated feed-forward layer, each before a norm and added to the stream.</summary>
internal sealed class Block : nn.Module
{
    private readonly TransformerOptions _options;
    private readonly Parameter _attentionNorm;
    private readonly Parameter _qkv;
    private readonly Parameter _out;
    private readonly Parameter _feedNorm;
    private readonly Parameter _gateUp;
    private readonly Parameter _down;

    internal Block(TransformerOptions options, Device device, ScalarType dtype)
        : base(nameof(Block))
    {
        _options = options;
        var joint = (options.Heads + (2 * options.KeyHeads)) * options.HeadWidth;
        _attentionNorm = Add("attention_norm", ones([options.Width], dtype, device));
        _qkv = Add("qkv", empty([joint, options.Width], dtype, device));
        _out = Add("out", empty([options.Width, options.Width], dtype, device));
        _feedNorm = Add("feed_norm", ones([options.Width], dtype, device));
        _gateUp = Add("gate_up", empty([2 * options.HiddenWidth, options.Width], dtype, device));
        _down = Add("down", empty([options.Width, options.HiddenWidth], dtype, device));
    }

    internal Tensor Read(Tensor x, Tensor cos, Tensor sin, (Tensor K, Tensor V)? cache)
    {
        var h = Kernels.RmsNorm(x, _attentionNorm, _options.NormEps);
        var (q, k, v) = Kernels.QkvRotary(nn.functional.linear(h, _qkv), _options.Heads, _options.KeyHeads, cos, sin);
        if (cache is { } kept)
        {
            kept.K.narrow(2, 0, k.shape[2]).copy_(k);
            kept.V.narrow(2, 0, v.shape[2]).copy_(v);
        }

        return Feed(x + nn.functional.linear(Kernels.CausalAttention(q, k, v), _out));
    }

    /// <summary>[M,W] packed, cos and sin of each token, to [M,W], or to the places that are asked for.</summary>
    internal Tensor Read(Tensor x, Tensor cos, Tensor sin, IReadOnlyList<PackedGroup> groups, Tensor? places)
    {
        var h = Kernels.RmsNorm(x, _attentionNorm, _options.NormEps);
        var (q, k, v) = Kernels.QkvRotary(nn.functional.linear(h, _qkv).unsqueeze(0), _options.Heads, _options.KeyHeads, cos, sin);
        var attended = Kernels.PackedAttention(q.squeeze(0), k.squeeze(0), v.squeeze(0), groups);
        if (places is not null)
        {
            (x, attended) = (x.index_select(0, places), attended.index_select(0, places));
        }

        return Feed(x + nn.functional.linear(attended, _out));
    }

    private Tensor Feed(Tensor x)
    {
        var h = Kernels.RmsNorm(x, _feedNorm, _options.NormEps);
        return x + nn.functional.linear(Kernels.SwiGlu(nn.functional.linear(h, _gateUp)), _down);
    }

    internal Tensor Extend(Tensor x, Tensor cos, Tensor sin, (Tensor K, Tensor V) cache, Tensor places)
    {
        var h = Kernels.RmsNorm(x, _attentionNorm, _options.NormEps);
        return Feed(x + nn.functional.linear(Kernels.ExtendAttention(nn.functional.linear(h, _qkv), cache.K, cache.V, places, cos, sin, _options.Heads), _out));
    }

    internal Tensor Step(Tensor x, Tensor cos, Tensor sin, (Tensor K, Tensor V) cache, Tensor lengths)
    {
        var h = Kernels.RmsNorm(x, _attentionNorm, _options.NormEps);
        var attended = Kernels.DecodeAttention(Kernels.LinearRows(h, _qkv), cache.K, cache.V, lengths, cos, sin, _options.Heads);
        x = x + Kernels.LinearRows(attended, _out);
        h = Kernels.RmsNorm(x, _feedNorm, _options.NormEps);
        return x + Kernels.LinearRows(Kernels.SwiGlu(Kernels.LinearRows(h, _gateUp)), _down);
    }

    private Parameter Add(string name, Tensor value)
    {
        var parameter = new Parameter(value);
        value.Dispose();
        register_parameter(name, parameter);
        return parameter;
    }
}
