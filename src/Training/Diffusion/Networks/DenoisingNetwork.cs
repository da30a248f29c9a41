using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>The network of a <see cref="DiffusionModel"/>: noisy sample, time and class to a prediction.</summary>
public abstract class DenoisingNetwork : nn.Module
{
    private const int Frequencies = 16;
    private const double Fastest = 1000;
    private readonly Tensor _frequencies;
    private readonly Parameter? _classes;

    /// <summary>The parts that every network has: features of time, and a table of classes whose last row stands for none.</summary>
    /// <param name="name">Of the module.</param>
    /// <param name="classes">0: the network takes no condition.</param>
    /// <param name="classWidth">Width of a class's embedding.</param>
    /// <param name="device">Where.</param>
    /// <param name="dtype">Of the weights.</param>
    protected DenoisingNetwork(string name, int classes, int classWidth, Device device, ScalarType dtype)
        : base(name)
    {
        Classes = classes;
        using var scope = NewDisposeScope();
        _frequencies = tensor(Enumerable.Range(0, Frequencies).Select(i => Math.Pow(Fastest, i / (Frequencies - 1.0))).ToArray(), device: device).to_type(dtype).DetachFromDisposeScope();
        _classes = classes > 0 ? NetworkWeights.New(this, "classes", [classes + 1, classWidth], device, dtype) : null;
    }

    /// <summary>Width of the features of time.</summary>
    public const int TimeWidth = 2 * Frequencies;

    /// <summary>Classes that it can be asked for.</summary>
    public int Classes { get; }

    /// <summary>The layers that adapters are for, by name; none where the network takes no adapter.</summary>
    public virtual IReadOnlyList<(string Name, Dense Layer)> Adaptable => [];

    /// <summary>The prediction: [B,…].</summary>
    /// <param name="noisy">[B,…].</param>
    /// <param name="time">[B].</param>
    /// <param name="classes">[B] int64, <see cref="Classes"/> for none; null where the network has no classes.</param>
    /// <param name="adapter">What changes the adaptable layers; null: nothing.</param>
    public abstract Tensor Forward(Tensor noisy, Tensor time, Tensor? classes, LowRankAdapter? adapter);

    /// <summary>A network of the same build, its weights not yet filled.</summary>
    public abstract DenoisingNetwork Fresh();

    /// <summary>Fills the weights as linear and convolutional layers begin by custom, the classes by standard normal numbers, norms by 1 and 0; each parameter's numbers depend on its name and the draws alone.</summary>
    public virtual void Initialize(Draws draws)
    {
        using var still = no_grad();
        var weights = named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        foreach (var (name, parameter) in weights)
        {
            if (ReferenceEquals(parameter, _classes))
            {
                NetworkWeights.Normal(parameter, 1, draws.Key(name));
            }
            else if (name.EndsWith(".scale", StringComparison.Ordinal))
            {
                parameter.fill_(1);
            }
            else if (name.EndsWith(".shift", StringComparison.Ordinal))
            {
                parameter.zero_();
            }
            else
            {
                // U(-1/√fan_in, 1/√fan_in), for the bias by the fan of its weight.
                var weight = name.EndsWith("bias", StringComparison.Ordinal) ? weights[name[..^"bias".Length] + "weight"] : parameter;
                NetworkWeights.Uniform(parameter, 1 / Math.Sqrt(weight.numel() / weight.shape[0]), draws.Key(name));
            }
        }
    }

    /// <summary>sin and cos of the time at sixteen frequencies from 1 to 1000: [B,<see cref="TimeWidth"/>].</summary>
    /// <param name="time">[B].</param>
    protected Tensor TimeFeatures(Tensor time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var angles = time.to(_frequencies.dtype, _frequencies.device).unsqueeze(1) * _frequencies;
        return cat([angles.sin(), angles.cos()], 1);
    }

    /// <summary>The embeddings of classes: [B,width].</summary>
    protected Tensor ClassFeatures(Tensor classes) => (_classes ?? throw new InvalidOperationException("this network has no classes")).index_select(0, classes);

    /// <summary>Features of time and class together: [B,…].</summary>
    protected Tensor Context(Tensor time, Tensor? classes) => classes is null ? TimeFeatures(time) : cat([TimeFeatures(time), ClassFeatures(classes)], 1);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _frequencies.Dispose();
        }

        base.Dispose(disposing);
    }
}
