using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Aranyani;

/// <summary>Instances whose label depends on a feature that differs between two protected groups; of the claim of aranyani.</summary>
/// <remarks>Six features N(0,1), the second moved by 1.2 up in group 1 and down in group 0; the label is 1 where f₀ + 0.9 f₁ + 0.5 noise is above 0.</remarks>
[Data("aranyani-stream")]
public sealed class ClaimStream : ITensorData
{
    private const int Rows = 6000;
    private const int Features = 6;
    private const double Shift = 1.2;

    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("aranyani").Key("stream");
        var (features, targets, groups) = (new double[Rows * Features], new long[Rows], new long[Rows]);
        for (var row = 0; row < Rows; row++)
        {
            var own = draws.Key(row);
            var instance = features.AsSpan(row * Features, Features);
            groups[row] = own.Key("group").Below(2);
            for (var f = 0; f < Features; f++)
            {
                instance[f] = own.Key(f).Normal();
            }

            instance[1] += groups[row] == 1 ? Shift : -Shift;
            targets[row] = instance[0] + (0.9 * instance[1]) + (0.5 * own.Key("noise").Normal()) > 0 ? 1 : 0;
        }

        return new TensorSet(new Dictionary<string, Tensor>
        {
            ["features"] = tensor(features, [Rows, Features], run.Dtype, run.Device),
            ["target"] = tensor(targets, device: run.Device),
            ["group"] = tensor(groups, device: run.Device),
        });
    }
}
