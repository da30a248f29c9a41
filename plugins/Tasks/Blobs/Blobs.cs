using Plumbline.Training.Toys;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Blobs;

/// <summary>Images of one bright blob, 8 by 8 pixels in [-1,1]; the condition is the quadrant it lies in.</summary>
[Data("blob8")]
public sealed class Blobs(BlobsOptions options) : ITensorData
{
    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("blob8").Key(options.Series);
        return new TensorSet(Rows(options.Count, i => draws.Key(i), run), options.HeldOut == 0 ? null : Rows(options.HeldOut, i => draws.Key(-1 - i), run));
    }

    private static Dictionary<string, Tensor> Rows(int count, Func<int, Draws> draws, RunContext run)
    {
        int[] classes = [.. Enumerable.Range(0, count).Select(i => draws(i).Key("class").Below(Blob8.Classes))];
        double[] numbers = [.. classes.SelectMany((c, i) => Blob8.Draw(c, draws(i).Key("blob")))];
        using var scope = NewDisposeScope();
        return new()
        {
            ["clean"] = Blob8.Render(tensor(numbers, [count, 4])).unsqueeze(1).to(run.Dtype, run.Device).MoveToOuterDisposeScope(),
            ["condition"] = tensor([.. classes.Select(c => (long)c)], device: run.Device).MoveToOuterDisposeScope(),
        };
    }
}

/// <summary>Options of <c>blob8</c>.</summary>
public sealed record BlobsOptions
{
    /// <summary>Images to learn from.</summary>
    [Positive]
    public int Count { get; init; } = 16384;

    /// <summary>Further images kept apart.</summary>
    [NonNegative]
    public int HeldOut { get; init; }

    /// <summary>Another number gives other images.</summary>
    public int Series { get; init; }
}
