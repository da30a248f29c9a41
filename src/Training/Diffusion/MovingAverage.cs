using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of <see cref="MovingAverage.Compute"/>.</summary>
public sealed record MovingAverageOptions
{
    /// <summary>How much of the average stays at each update.</summary>
    [Interval(0, 1)]
    public double Decay { get; init; } = 0.999;
}

/// <summary>An exponential moving average of weights.</summary>
public static class MovingAverage
{
    /// <summary>decay·target + (1-decay)·source.</summary>
    /// <param name="target">The average.</param>
    /// <param name="source">[as target].</param>
    /// <param name="options">The decay.</param>
    [Target("diffusion-baseline/ema")]
    public static Tensor Compute(Tensor target, Tensor source, MovingAverageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Coefficients.RequireSameShape(target, "target", source, "source");
        return (options.Decay * target) + ((1 - options.Decay) * source);
    }
}

/// <summary>A moving average of the weights that train.</summary>
public sealed class AveragedWeights : IDisposable
{
    private readonly Parameter[] _weights;
    private readonly Tensor[] _averages;

    /// <summary>An average that begins at the weights as they are.</summary>
    /// <param name="weights">Those without gradient are passed over.</param>
    public AveragedWeights(IEnumerable<Parameter> weights)
    {
        _weights = [.. weights.Where(weight => weight.requires_grad)];
        _averages = [.. _weights.Select(weight => weight.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>decay·average + (1-decay)·weights.</summary>
    public void Update(double decay)
    {
        using var still = no_grad();
        for (var i = 0; i < _weights.Length; i++)
        {
            _ = _averages[i].mul_(decay).add_(_weights[i], 1 - decay);
        }
    }

    /// <summary>Gives the network the averages as its weights.</summary>
    public void Restore()
    {
        using var still = no_grad();
        for (var i = 0; i < _weights.Length; i++)
        {
            _ = _weights[i].copy_(_averages[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_averages, average => average.Dispose());
}
