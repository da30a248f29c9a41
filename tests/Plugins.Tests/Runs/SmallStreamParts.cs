using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>Sixty instances of three features, two classes and two groups, which take turns.</summary>
[Data("small-stream")]
public sealed class SmallStream : ITensorData
{
    private const int Rows = 60;

    public TensorSet Load(RunContext run)
    {
        var draws = run.Draws.Key("small-stream");
        double[] features = [.. Enumerable.Range(0, 3 * Rows).Select(i => draws.Key(i).Normal())];
        return new TensorSet(new Dictionary<string, Tensor>
        {
            ["features"] = tensor(features, [Rows, 3]),
            ["target"] = tensor(Enumerable.Range(0, Rows).Select(row => features[3 * row] > 0 ? 1L : 0).ToArray()),
            ["group"] = tensor(Enumerable.Range(0, Rows).Select(row => row % 2L).ToArray()),
        });
    }
}
