using Plumbline.Training.Toys;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Shapes;

/// <summary>Images of a disc, a square, a plus or a ring, 16 by 16 pixels in [-1,1]; the condition is which.</summary>
[Data("shapes16")]
public sealed class Shapes(ShapesOptions options) : ITensorData
{
    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("shapes16").Key(options.Series);
        return new TensorSet(Rows(options.Count, i => draws.Key(i), run), options.HeldOut == 0 ? null : Rows(options.HeldOut, i => draws.Key(-1 - i), run));
    }

    private static Dictionary<string, Tensor> Rows(int count, Func<int, Draws> draws, RunContext run)
    {
        long[] classes = [.. Enumerable.Range(0, count).Select(i => (long)draws(i).Key("class").Below(Shapes16.Classes))];
        double[] numbers = [.. Enumerable.Range(0, count).SelectMany(i => Shapes16.Draw(draws(i).Key("shape")))];
        using var scope = NewDisposeScope();
        return new()
        {
            ["clean"] = Shapes16.Render(tensor(numbers, [count, 4]), tensor(classes)).unsqueeze(1).to(run.Dtype, run.Device).MoveToOuterDisposeScope(),
            ["condition"] = tensor(classes, device: run.Device).MoveToOuterDisposeScope(),
        };
    }
}

/// <summary>Options of <c>shapes16</c>.</summary>
public sealed record ShapesOptions
{
    /// <summary>Images to learn from.</summary>
    [Positive]
    public int Count { get; init; } = 8192;

    /// <summary>Further images kept apart.</summary>
    [NonNegative]
    public int HeldOut { get; init; }

    /// <summary>Another number gives other images.</summary>
    public int Series { get; init; }
}
