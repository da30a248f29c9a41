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

    /// <summary>Moves the weights of one network towards those of another of the same build, in place.</summary>
    /// <param name="average">Whose weights move.</param>
    /// <param name="network">Towards these.</param>
    /// <param name="decay">How much of the average stays.</param>
    public static void Update(nn.Module average, nn.Module network, double decay)
    {
        ArgumentNullException.ThrowIfNull(average);
        ArgumentNullException.ThrowIfNull(network);
        using var frozen = no_grad();
        foreach (var (mine, theirs) in average.parameters().Zip(network.parameters()))
        {
            mine.mul_(decay).add_(theirs, 1 - decay);
        }
    }
}
