using Plumbline.Training.Diffusion;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Dit;

/// <summary>A small diffusion transformer (DiT, arXiv 2212.09748): patches of the image attend to each other; time and class scale, shift and gate each layer (adaLN-zero).</summary>
/// <remarks>Adapters go onto the query, key, value and output projections of every block.</remarks>
[Model("dit")]
public sealed class Dit(DitOptions options, RunContext run)
    : DiffusionModel(new PatchTransformer(options, run.Device, run.Dtype), [.. options.SampleShape.Select(size => (long)size)], options, run);

/// <summary>Options of <c>dit</c>.</summary>
public sealed record DitOptions : DiffusionModelOptions, IChecksItself
{
    /// <summary>The shape of one sample: channels, height, width.</summary>
    [Positive]
    public IReadOnlyList<int> SampleShape { get; init; } = [1, 16, 16];

    /// <summary>Pixels a side of a patch.</summary>
    [Positive]
    public int Patch { get; init; } = 2;

    /// <summary>Width of the hidden states.</summary>
    [Positive]
    public int Width { get; init; } = 64;

    /// <summary>Blocks.</summary>
    [Positive]
    public int Layers { get; init; } = 3;

    /// <summary>Attention heads.</summary>
    [Positive]
    public int Heads { get; init; } = 4;

    /// <summary>Width of a class's embedding.</summary>
    [Positive]
    public int ClassWidth { get; init; } = 32;

    internal int Tokens => SampleShape[1] / Patch * (SampleShape[2] / Patch);

    internal int PatchNumbers => SampleShape[0] * Patch * Patch;

    internal int Context => DenoisingNetwork.TimeWidth + (Classes > 0 ? ClassWidth : 0);

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (SampleShape.Count != 3)
        {
            yield return "sample_shape must be channels, height and width, such as [1, 16, 16]";
        }
        else if (SampleShape.Skip(1).Any(side => side % Patch != 0))
        {
            yield return $"height and width of sample_shape must be multiples of patch, {Patch}";
        }

        if (Width % Heads != 0)
        {
            yield return $"width must be a multiple of heads; {Width} is none of {Heads}";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var block = (18L * Width * Width) + (15L * Width);
        return new Cost
        {
            Parameters = (Layers * block) + (2L * Width * Width) + ((Context + (2L * PatchNumbers) + Tokens) * Width) + (Classes > 0 ? (Classes + 1L) * ClassWidth : 0),
            ActivationsPerToken = Layers * ((16L * Width) + (2L * Heads * Tokens)),
            ContextLength = Tokens,
        };
    }
}

/// <summary>The network; reads from top to bottom.</summary>
internal sealed class PatchTransformer : DenoisingNetwork
{
    private readonly DitOptions _options;
    private readonly Dense _patches;
    private readonly Parameter _positions;
    private readonly Dense _context;
    private readonly Dense _deep;
    private readonly TransformerBlock[] _blocks;
    private readonly Dense _modulation;
    private readonly Dense _out;

    internal PatchTransformer(DitOptions options, Device device, ScalarType dtype)
        : base(nameof(PatchTransformer), options.Classes, options.ClassWidth, device, dtype)
    {
        _options = options;
        register_module("patches", _patches = new Dense(options.PatchNumbers, options.Width, device, dtype));
        _positions = NetworkWeights.New(this, "positions", [options.Tokens, options.Width], device, dtype);
        register_module("context", _context = new Dense(options.Context, options.Width, device, dtype));
        register_module("deep_context", _deep = new Dense(options.Width, options.Width, device, dtype));
        _blocks = [.. Enumerable.Range(0, options.Layers).Select(_ => new TransformerBlock(options, device, dtype))];
        for (var i = 0; i < _blocks.Length; i++)
        {
            register_module($"blocks.{i}", _blocks[i]);
        }

        register_module("modulation", _modulation = new Dense(options.Width, 2 * options.Width, device, dtype));
        register_module("out", _out = new Dense(options.Width, options.PatchNumbers, device, dtype));
    }

    public override IReadOnlyList<(string Name, Dense Layer)> Adaptable => [.. _blocks.SelectMany((block, i) => block.Projections.Select(projection => ($"blocks.{i}.{projection.Name}", projection.Layer)))];

    /// <summary>Scales, shifts and gates begin at zero: each block changes nothing at first.</summary>
    public override void Initialize(Draws draws)
    {
        base.Initialize(draws);
        using var still = no_grad();
        foreach (var (name, parameter) in named_parameters().Where(pair => pair.name.Contains("modulation.", StringComparison.Ordinal)))
        {
            _ = parameter.zero_();
        }
    }

    public override Tensor Forward(Tensor noisy, Tensor time, Tensor? classes, LowRankAdapter? adapter)
    {
        var context = nn.functional.silu(_deep.Apply(nn.functional.silu(_context.Apply(Context(time, classes)))));
        var x = _patches.Apply(ToPatches(noisy)) + _positions;
        foreach (var block in _blocks)
        {
            x = block.Apply(x, context, adapter);
        }

        var modulation = _modulation.Apply(context).unsqueeze(1).chunk(2, -1);
        return ToImage(_out.Apply(Modulated(x, modulation[0], modulation[1])), noisy.shape);
    }

    public override DenoisingNetwork Fresh() => new PatchTransformer(_options, _patches.Weight.device, _patches.Weight.dtype);

    /// <summary>Norm, then scale and shift.</summary>
    internal static Tensor Modulated(Tensor x, Tensor scale, Tensor shift) => (nn.functional.layer_norm(x, [x.shape[^1]]) * (1 + scale)) + shift;

    /// <summary>[B,C,H,W] to [B,tokens,C·p·p].</summary>
    private Tensor ToPatches(Tensor image)
    {
        var (c, h, w, p) = (image.shape[1], image.shape[2], image.shape[3], _options.Patch);
        return image.reshape(-1, c, h / p, p, w / p, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, _options.Tokens, _options.PatchNumbers);
    }

    /// <summary>[B,tokens,C·p·p] to [B,C,H,W].</summary>
    private Tensor ToImage(Tensor patches, long[] shape)
    {
        var (c, h, w, p) = (shape[1], shape[2], shape[3], _options.Patch);
        return patches.reshape(-1, h / p, w / p, c, p, p).permute(0, 3, 1, 4, 2, 5).reshape(shape);
    }
}

/// <summary>Attention and a feed-forward layer, each scaled, shifted and gated by time and class, and added to the stream.</summary>
internal sealed class TransformerBlock : nn.Module
{
    private readonly int _heads;
    private readonly Dense _modulation;
    private readonly Dense _query;
    private readonly Dense _key;
    private readonly Dense _value;
    private readonly Dense _output;
    private readonly Dense _up;
    private readonly Dense _down;

    internal TransformerBlock(DitOptions options, Device device, ScalarType dtype)
        : base(nameof(TransformerBlock))
    {
        _heads = options.Heads;
        var width = options.Width;
        register_module("modulation", _modulation = new Dense(width, 6 * width, device, dtype));
        register_module("query", _query = new Dense(width, width, device, dtype));
        register_module("key", _key = new Dense(width, width, device, dtype));
        register_module("value", _value = new Dense(width, width, device, dtype));
        register_module("output", _output = new Dense(width, width, device, dtype));
        register_module("up", _up = new Dense(width, 4 * width, device, dtype));
        register_module("down", _down = new Dense(4 * width, width, device, dtype));
    }

    internal (string Name, Dense Layer)[] Projections => [("query", _query), ("key", _key), ("value", _value), ("output", _output)];

    internal Tensor Apply(Tensor x, Tensor context, LowRankAdapter? adapter)
    {
        var modulation = _modulation.Apply(context).unsqueeze(1).chunk(6, -1);
        var h = PatchTransformer.Modulated(x, modulation[0], modulation[1]);
        var attended = nn.functional.scaled_dot_product_attention(Split(_query), Split(_key), Split(_value)).transpose(1, 2).reshape(x.shape);
        x = x + (modulation[2] * _output.Apply(attended, adapter));
        var fed = _down.Apply(nn.functional.gelu(_up.Apply(PatchTransformer.Modulated(x, modulation[3], modulation[4]))));
        return x + (modulation[5] * fed);

        Tensor Split(Dense projection) => projection.Apply(h, adapter).reshape(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
    }
}
