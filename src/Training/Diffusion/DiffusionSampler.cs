using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of plain sampling.</summary>
public record DiffusionSamplerOptions : SamplingGridOptions
{
    /// <summary>Noise of each step, on the path diffusion: 0 is deterministic, 1 is DDPM.</summary>
    [NonNegative]
    public double Eta { get; init; }

    /// <summary>How far from the prediction without a condition towards the one with it; 1: the conditional prediction alone.</summary>
    public double GuidanceScale { get; init; } = 1;

    /// <summary>How much of each row's spread is brought back to that of the conditional prediction.</summary>
    [Interval(0, 1)]
    public double GuidanceRescale { get; init; }

    /// <summary>Above 0: the clean sample is kept within ± this at each step, on the path diffusion.</summary>
    [NonNegative]
    public double ClipSample { get; init; }
}

/// <summary>From noise to samples: DDIM on the path diffusion, Euler's steps on the path flow. Nothing is kept on the way.</summary>
public static class DiffusionSampler
{
    /// <summary>[B,…SampleShape] samples, without gradient.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Steps, noise and guidance.</param>
    /// <param name="conditions">[B]; null: none.</param>
    /// <param name="rows">A key a row: its sample depends on it alone.</param>
    /// <param name="dtype">The model's.</param>
    /// <param name="device">The model's.</param>
    public static Tensor Sample(IDiffusionModel model, DiffusionSamplerOptions options, Tensor? conditions, IReadOnlyList<Draws> rows, ScalarType dtype, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(model);
        var denoiser = new Denoiser(model, options.GuidanceScale, options.GuidanceRescale);
        return Sample(denoiser, SamplingGrid.Create(model.Process, options), conditions, rows, dtype, device, options.Eta, options.ClipSample);
    }

    /// <summary>[B,…SampleShape] samples, without gradient.</summary>
    /// <param name="denoiser">The model, guided.</param>
    /// <param name="grid">The steps.</param>
    /// <param name="conditions">[B]; null: none.</param>
    /// <param name="rows">A key a row: its sample depends on it alone.</param>
    /// <param name="dtype">The model's.</param>
    /// <param name="device">The model's.</param>
    /// <param name="eta">Noise of each step, on the path diffusion.</param>
    /// <param name="clip">Above 0: the clean sample is kept within ± this at each step, on the path diffusion.</param>
    public static Tensor Sample(Denoiser denoiser, SamplingGrid grid, Tensor? conditions, IReadOnlyList<Draws> rows, ScalarType dtype, Device? device = null, double eta = 0, double clip = 0)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(grid);
        ArgumentNullException.ThrowIfNull(rows);
        if (grid.Path == NoisePathKind.Flow && (eta > 0 || clip > 0))
        {
            throw new PlumblineException("eta and clip_sample belong to the path diffusion, and the model's path is flow");
        }

        using var still = no_grad();
        var shape = denoiser.Model.SampleShape;
        var x = NormalNoise.Of([.. rows.Select(row => row.Key("start"))], shape, dtype, device);
        for (var step = 0; step < grid.Steps; step++)
        {
            using var scope = NewDisposeScope();
            int[] steps = [.. Enumerable.Repeat(step, rows.Count)];
            var prediction = denoiser.Predict(x, grid.Times(steps, device), conditions);
            Tensor next;
            if (grid.Path == NoisePathKind.Flow)
            {
                next = DiffusionSteps.FlowEuler(prediction, x, grid.Sigmas(steps, device), grid.NextSigmas(steps, device));
            }
            else
            {
                var policy = DiffusionSteps.Ddim(prediction, x, grid.AlphaBars(steps, device), grid.PreviousAlphaBars(steps, device), eta, denoiser.Model.Process.Prediction, clip);
                next = eta > 0 ? policy.Sample(NormalNoise.Of([.. rows.Select(row => row.Key(step))], shape, policy.Mean.dtype, device)) : policy.Mean;
            }

            x.Dispose();
            x = next.to_type(dtype).MoveToOuterDisposeScope();
        }

        return x;
    }
}
