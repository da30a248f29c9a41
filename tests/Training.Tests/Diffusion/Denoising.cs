using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>Random images, paths and points of them, in float64.</summary>
internal sealed class Denoising(int seed)
{
    private readonly Draws _draws = new Draws(seed).Key("denoising");
    private int _made;

    internal const int Rows = 3;

    internal static readonly long[] Shape = [2, 2, 3];

    internal NoiseSchedule Schedule { get; } = NoiseSchedule.Create(new NoiseScheduleOptions { NumTrainTimesteps = 40, BetaStart = 1e-3, BetaEnd = 0.2 });

    /// <summary>Standard normal images, others each time.</summary>
    internal Tensor Images() => NormalNoise.Of([.. Keys(Rows)], Shape, ScalarType.Float64);

    internal IEnumerable<Draws> Keys(int count)
    {
        var own = _draws.Key(_made++);
        return Enumerable.Range(0, count).Select(row => own.Key(row));
    }

    /// <summary>Timesteps t and t' before it, not the clean end.</summary>
    internal (long[] Now, long[] Before) Timesteps()
    {
        long[] before = [.. Keys(Rows).Select(key => (long)key.Below(Schedule.Timesteps - 1))];
        return ([.. before.Select((t, row) => t + 1 + _draws.Key("step").Key(row).Below(Schedule.Timesteps - 1 - (int)t))], before);
    }

    internal static double Gap(Tensor first, Tensor second) => (first - second).abs().max().to_type(ScalarType.Float64).ToDouble();
}
