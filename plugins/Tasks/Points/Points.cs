using static TorchSharp.torch;

namespace Plumbline.Plugins.Points;

/// <summary>Options of <c>point-figures</c>.</summary>
public sealed record PointsOptions
{
    /// <summary>Clouds to learn from.</summary>
    [Positive]
    public int Count { get; init; } = 8192;

    /// <summary>Points of a cloud.</summary>
    [Positive]
    public int Points { get; init; } = 16;

    /// <summary>Standard deviation of a point from the figure.</summary>
    [NonNegative]
    public double Noise { get; init; } = 0.02;
}

/// <summary>Clouds of points in the plane, round about a figure: the condition is 0 for a circle, 1 for a square; sizes and beginnings differ.</summary>
[Data("point-figures")]
public sealed class Points(PointsOptions options) : ITensorData
{
    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("point-figures");
        long[] figures = [.. Enumerable.Range(0, options.Count).Select(i => (long)draws.Key(i).Key("figure").Below(2))];
        double[] numbers = [.. figures.SelectMany((figure, i) => Cloud(figure, draws.Key(i)))];
        return new TensorSet(new Dictionary<string, Tensor>
        {
            ["clean"] = tensor(numbers, [options.Count, options.Points, 2], device: run.Device).to_type(run.Dtype),
            ["condition"] = tensor(figures, device: run.Device),
        });
    }

    private IEnumerable<double> Cloud(long figure, Draws draws)
    {
        var (size, begin) = (0.6 + (0.4 * draws.Key("size").Uniform()), draws.Key("begin").Uniform());
        for (var point = 0; point < options.Points; point++)
        {
            var angle = 2 * Math.PI * (begin + point) / options.Points;
            var (x, y) = (Math.Cos(angle), Math.Sin(angle));
            // The square's boundary is where the greater coordinate is 1.
            var scale = size / (figure == 0 ? 1 : Math.Max(Math.Abs(x), Math.Abs(y)));
            yield return (scale * x) + (options.Noise * draws.Key(point).Key(0).Normal());
            yield return (scale * y) + (options.Noise * draws.Key(point).Key(1).Normal());
        }
    }
}

/// <summary>How well a cloud's points lie on the figure that was asked for: minus the spread of their sizes, a point's size being its radius in a circle and its greater coordinate in a square. 0 is perfect.</summary>
[Reward("point-fit")]
public sealed class PointFit : ISampleReward
{
    /// <inheritdoc/>
    public Scores Score(Tensor samples, Tensor? conditions, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(samples);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var clouds = samples.detach().to_type(ScalarType.Float64);
        var circle = -clouds.square().sum(2).sqrt().std(1, unbiased: false);
        var square = -clouds.abs().amax(2).std(1, unbiased: false);
        var asked = conditions ?? zeros(samples.shape[0], ScalarType.Int64, samples.device);
        return new Scores([.. where(asked == 0, circle, square).cpu().data<double>()]);
    }
}
