using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DenoisingMlp;

/// <summary>A small perceptron that denoises: the sample's numbers, features of time and class, residual hidden layers.</summary>
[Model("denoising-mlp")]
public sealed class DenoisingMlp(DenoisingMlpOptions options, RunContext run)
    : DiffusionModel(new Mlp(options, run.Device, run.Dtype), [.. options.SampleShape.Select(size => (long)size)], options, run);

/// <summary>Options of <c>denoising-mlp</c>.</summary>
public sealed record DenoisingMlpOptions : DiffusionModelOptions, IChecksItself
{
    /// <summary>The shape of one sample.</summary>
    [Positive]
    public IReadOnlyList<int> SampleShape { get; init; } = [1, 8, 8];

    /// <summary>Width of the hidden layers.</summary>
    [Positive]
    public int Width { get; init; } = 128;

    /// <summary>Hidden layers after the first one, each added to what it reads.</summary>
    [NonNegative]
    public int Layers { get; init; } = 2;

    /// <summary>Width of a class's embedding.</summary>
    [Positive]
    public int ClassWidth { get; init; } = 32;

    internal int Size => SampleShape.Aggregate(1, (a, b) => a * b);

    internal int Inputs => Size + DenoisingNetwork.TimeWidth + (Classes > 0 ? ClassWidth : 0);

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (SampleShape.Count == 0)
        {
            yield return "sample_shape must have at least one size, such as [1, 8, 8]";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Parameters = ((Inputs + 1L) * Width) + (Layers * (Width + 1L) * Width) + ((Width + 1L) * Size) + (Classes > 0 ? (Classes + 1L) * ClassWidth : 0),
        ActivationsPerToken = Inputs + ((2L + (2 * Layers)) * Width) + Size,
        ContextLength = 1,
    };
}

/// <summary>The network; reads from top to bottom.</summary>
internal sealed class Mlp : DenoisingNetwork
{
    private readonly DenoisingMlpOptions _options;
    private readonly Dense _in;
    private readonly Dense[] _hidden;
    private readonly Dense _out;

    internal Mlp(DenoisingMlpOptions options, Device device, ScalarType dtype)
        : base(nameof(Mlp), options.Classes, options.ClassWidth, device, dtype)
    {
        _options = options;
        _in = new Dense(options.Inputs, options.Width, device, dtype);
        _hidden = [.. Enumerable.Range(0, options.Layers).Select(_ => new Dense(options.Width, options.Width, device, dtype))];
        _out = new Dense(options.Width, options.Size, device, dtype);
        register_module("in", _in);
        for (var i = 0; i < _hidden.Length; i++)
        {
            register_module($"hidden.{i}", _hidden[i]);
        }

        register_module("out", _out);
    }

    /// <summary>The hidden layers, the first one too.</summary>
    public override IReadOnlyList<(string Name, Dense Layer)> Adaptable => [("in", _in), .. _hidden.Select((layer, i) => ($"hidden.{i}", layer))];

    public override Tensor Forward(Tensor noisy, Tensor time, Tensor? classes, LowRankAdapter? adapter)
    {
        var x = nn.functional.silu(_in.Apply(cat([noisy.flatten(1), Context(time, classes)], 1), adapter));
        foreach (var layer in _hidden)
        {
            x = x + nn.functional.silu(layer.Apply(x, adapter));
        }

        return _out.Apply(x).reshape(noisy.shape);
    }

    public override DenoisingNetwork Fresh() => new Mlp(_options, _in.Weight.device, _in.Weight.dtype);
}
