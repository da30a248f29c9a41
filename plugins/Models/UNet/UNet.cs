using Plumbline.Training.Diffusion;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.UNet;

/// <summary>A small convolutional network that denoises images: down and up again, a residual block a level, time and class as scale and shift of each block (FiLM).</summary>
/// <remarks>Halving the image is a convolution of stride 2, doubling it repeats pixels; what the way down knew is joined to the way up by channels.</remarks>
[Model("unet")]
public sealed class UNet(UNetOptions options, RunContext run)
    : DiffusionModel(new Levels(options, run.Device, run.Dtype), [.. options.SampleShape.Select(size => (long)size)], options, run);

/// <summary>Options of <c>unet</c>.</summary>
public sealed record UNetOptions : DiffusionModelOptions, IChecksItself
{
    /// <summary>The shape of one sample: channels, height, width.</summary>
    [Positive]
    public IReadOnlyList<int> SampleShape { get; init; } = [1, 16, 16];

    /// <summary>Channels of each level; each level after the first halves height and width.</summary>
    [Positive]
    public IReadOnlyList<int> Channels { get; init; } = [16, 32, 32];

    /// <summary>Groups of channels that are normalised together.</summary>
    [Positive]
    public int NormGroups { get; init; } = 4;

    /// <summary>Width of what the blocks are told of time and class.</summary>
    [Positive]
    public int ContextWidth { get; init; } = 64;

    /// <summary>Width of a class's embedding.</summary>
    [Positive]
    public int ClassWidth { get; init; } = 32;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (SampleShape.Count != 3)
        {
            yield return "sample_shape must be channels, height and width, such as [1, 16, 16]";
        }
        else if (Channels.Count == 0)
        {
            yield return "channels must have at least one level, such as [16, 32, 32]";
        }
        else if (SampleShape.Skip(1).Any(side => side % (1 << (Channels.Count - 1)) != 0))
        {
            yield return $"height and width of sample_shape must be multiples of {1 << (Channels.Count - 1)}: {Channels.Count} levels halve them {Channels.Count - 1} times";
        }

        if (Channels.Any(channels => channels % NormGroups != 0))
        {
            yield return $"channels must be multiples of norm_groups, {NormGroups}";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var parameters = (9L * SampleShape[0] * Channels[0]) + (9L * SampleShape[0] * Channels[0]) + ((long)ContextWidth * (DenoisingNetwork.TimeWidth + ClassWidth + ContextWidth));
        var (activations, pixels) = (0L, (long)SampleShape[1] * SampleShape[2]);
        for (var level = 0; level < Channels.Count; level++)
        {
            var (before, own) = (Channels[Math.Max(0, level - 1)], Channels[level]);
            parameters += Block(level == 0 ? own : before, own) + (level > 0 ? (9L * before * before) + Block(own + before, before) : 0);
            activations += 12L * own * (pixels >> (2 * level));
        }

        // A sample is one "token": all its pixels go through the network once.
        return new Cost { Parameters = parameters, ActivationsPerToken = activations, ContextLength = 1 };

        long Block(long from, long to) => (9 * from * to) + (9 * to * to) + (2L * ContextWidth * to) + (from == to ? 0 : from * to);
    }
}

/// <summary>The network; reads from top to bottom.</summary>
internal sealed class Levels : DenoisingNetwork
{
    private readonly UNetOptions _options;
    private readonly Dense _context;
    private readonly Dense _deep;
    private readonly Convolution _in;
    private readonly ResidualBlock[] _down;
    private readonly Convolution[] _halve;
    private readonly ResidualBlock[] _up;
    private readonly Norm _norm;
    private readonly Convolution _out;

    internal Levels(UNetOptions options, Device device, ScalarType dtype)
        : base(nameof(Levels), options.Classes, options.ClassWidth, device, dtype)
    {
        _options = options;
        var channels = options.Channels;
        _context = Part("context", new Dense(TimeWidth + (options.Classes > 0 ? options.ClassWidth : 0), options.ContextWidth, device, dtype));
        _deep = Part("deep_context", new Dense(options.ContextWidth, options.ContextWidth, device, dtype));
        _in = Part("in", new Convolution(options.SampleShape[0], channels[0], 3, device, dtype));
        _down = [.. channels.Select((own, i) => Part($"down.{i}", new ResidualBlock(channels[Math.Max(0, i - 1)], own, options, device, dtype)))];
        _halve = [.. channels.SkipLast(1).Select((own, i) => Part($"halve.{i}", new Convolution(own, own, 3, device, dtype, stride: 2)))];
        _up = [.. channels.SkipLast(1).Select((own, i) => Part($"up.{i}", new ResidualBlock(channels[i + 1] + own, own, options, device, dtype)))];
        _norm = Part("norm", new Norm(channels[0], options.NormGroups, device, dtype));
        _out = Part("out", new Convolution(channels[0], options.SampleShape[0], 3, device, dtype));
    }

    public override Tensor Forward(Tensor noisy, Tensor time, Tensor? classes, LowRankAdapter? adapter)
    {
        var context = nn.functional.silu(_deep.Apply(nn.functional.silu(_context.Apply(Context(time, classes)))));
        var x = _in.Apply(noisy);
        var skips = new Stack<Tensor>();
        for (var level = 0; level < _down.Length; level++)
        {
            x = _down[level].Apply(x, context);
            if (level < _halve.Length)
            {
                skips.Push(x);
                x = _halve[level].Apply(x);
            }
        }

        for (var level = _up.Length - 1; level >= 0; level--)
        {
            var skip = skips.Pop();
            x = _up[level].Apply(cat([nn.functional.upsample_nearest2d(x, [skip.shape[2], skip.shape[3]]), skip], 1), context);
        }

        return _out.Apply(nn.functional.silu(_norm.Apply(x)));
    }

    public override DenoisingNetwork Fresh() => new Levels(_options, _context.Weight.device, _context.Weight.dtype);

    private T Part<T>(string name, T module)
        where T : nn.Module
    {
        register_module(name, module);
        return module;
    }
}

/// <summary>Two convolutions between norms, told of time and class by scale and shift, added to what they read.</summary>
internal sealed class ResidualBlock : nn.Module
{
    private readonly Norm _first;
    private readonly Convolution _one;
    private readonly Dense _film;
    private readonly Norm _second;
    private readonly Convolution _two;
    private readonly Convolution? _skip;

    internal ResidualBlock(int from, int to, UNetOptions options, Device device, ScalarType dtype)
        : base(nameof(ResidualBlock))
    {
        register_module("first", _first = new Norm(from, options.NormGroups, device, dtype));
        register_module("one", _one = new Convolution(from, to, 3, device, dtype));
        register_module("film", _film = new Dense(options.ContextWidth, 2 * to, device, dtype));
        register_module("second", _second = new Norm(to, options.NormGroups, device, dtype));
        register_module("two", _two = new Convolution(to, to, 3, device, dtype));
        if (from != to)
        {
            register_module("skip", _skip = new Convolution(from, to, 1, device, dtype));
        }
    }

    internal Tensor Apply(Tensor x, Tensor context)
    {
        var h = _second.Apply(_one.Apply(nn.functional.silu(_first.Apply(x))));
        var film = _film.Apply(context).unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
        h = _two.Apply(nn.functional.silu((h * (1 + film[0])) + film[1]));
        return h + (_skip is null ? x : _skip.Apply(x));
    }
}

/// <summary>A convolution that keeps height and width, or halves them.</summary>
internal sealed class Convolution : nn.Module
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly long[] _stride;
    private readonly long[] _padding;

    internal Convolution(int from, int to, int size, Device device, ScalarType dtype, int stride = 1)
        : base(nameof(Convolution))
    {
        _weight = NetworkWeights.New(this, "weight", [to, from, size, size], device, dtype);
        _bias = NetworkWeights.New(this, "bias", [to], device, dtype);
        (_stride, _padding) = ([stride, stride], [size / 2, size / 2]);
    }

    internal Tensor Apply(Tensor x) => nn.functional.conv2d(x, _weight, _bias, _stride, _padding);
}

/// <summary>Normalises groups of channels of each sample.</summary>
internal sealed class Norm : nn.Module
{
    private readonly Parameter _scale;
    private readonly Parameter _shift;
    private readonly int _groups;

    internal Norm(int channels, int groups, Device device, ScalarType dtype)
        : base(nameof(Norm))
    {
        _groups = groups;
        _scale = NetworkWeights.New(this, "scale", [channels], device, dtype);
        _shift = NetworkWeights.New(this, "shift", [channels], device, dtype);
    }

    internal Tensor Apply(Tensor x) => nn.functional.group_norm(x, _groups, _scale, _shift);
}
