using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of the steps of a sampler.</summary>
public record SamplingGridOptions
{
    /// <summary>Steps of sampling.</summary>
    [Positive]
    public int NumInferenceSteps { get; init; } = 10;

    /// <summary>How the timesteps are spread over those of training, on the path diffusion.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Trailing;

    /// <summary>Added to each timestep of the leading grid, on the path diffusion.</summary>
    [NonNegative]
    public int StepsOffset { get; init; }

    /// <summary>Let the last step end at timestep 0 in place of the clean end, on the path diffusion: it then keeps a little noise and has a density like the others. Null: so where steps are learnt from, else not.</summary>
    public bool? EndAtZero { get; init; }

    /// <summary>What a null means.</summary>
    internal virtual bool EndsAtZero => false;

    /// <summary>Above 1: more of the steps where there is much noise, on the path flow.</summary>
    [Positive]
    public double Shift { get; init; } = 1;
}

/// <summary>The steps of a sampler on a model's path, from noise to sample. Rows may stand at different steps.</summary>
public sealed class SamplingGrid
{
    private readonly double[] _times;
    private readonly double[] _levels;
    private readonly double[] _next;
    private readonly NoisePathKind _path;

    private SamplingGrid(NoisePathKind path, double[] times, double[] levels, double[] next) => (_path, _times, _levels, _next) = (path, times, levels, next);

    /// <summary>How many steps.</summary>
    public int Steps => _times.Length;

    /// <summary>The path.</summary>
    public NoisePathKind Path => _path;

    /// <summary>The grid of a process.</summary>
    /// <exception cref="InvalidInputException">More steps than timesteps.</exception>
    public static SamplingGrid Create(NoiseProcess process, SamplingGridOptions options)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(options);
        if (process.Schedule is not { } schedule)
        {
            if (options.Spacing != TimestepSpacing.Trailing || options.StepsOffset != 0 || options.EndAtZero == true)
            {
                throw new InvalidInputException("spacing, steps_offset and end_at_zero belong to the path diffusion, and the model's path is flow: nothing would read them");
            }

            var sigmas = FlowGrid.Sigmas(new FlowGridOptions { NumInferenceSteps = options.NumInferenceSteps, Shift = options.Shift });
            return new SamplingGrid(process.Path, sigmas[..^1], sigmas[..^1], sigmas[1..]);
        }

        if (options.Shift != 1)
        {
            throw new InvalidInputException("shift belongs to the path flow, and the model's path is diffusion: nothing would read it");
        }

        var grid = TimestepGrid.Create(new TimestepGridOptions
        {
            NumTrainTimesteps = schedule.Timesteps, NumInferenceSteps = options.NumInferenceSteps, Spacing = options.Spacing, StepsOffset = options.StepsOffset,
        });
        grid = options.EndAtZero ?? options.EndsAtZero ? grid.EndingAtZero() : grid;
        return new SamplingGrid(
            process.Path,
            [.. grid.Timesteps.Select(t => t / (double)schedule.Timesteps)],
            [.. grid.Timesteps.Select(t => schedule.AlphaBar(t))],
            [.. grid.PrevTimesteps.Select(t => schedule.AlphaBar(t))]);
    }

    /// <summary>What the network is told: [B] float64.</summary>
    /// <param name="steps">The step of each row, from 0.</param>
    /// <param name="device">Where.</param>
    public Tensor Times(IReadOnlyList<int> steps, Device? device = null) => Of(_times, steps, device);

    /// <summary>ᾱ where each step begins, on the path diffusion: [B] float64.</summary>
    public Tensor AlphaBars(IReadOnlyList<int> steps, Device? device = null) => Of(_levels, steps, device, NoisePathKind.Diffusion);

    /// <summary>ᾱ where each step leads, on the path diffusion: [B] float64.</summary>
    public Tensor PreviousAlphaBars(IReadOnlyList<int> steps, Device? device = null) => Of(_next, steps, device, NoisePathKind.Diffusion);

    /// <summary>σ where each step begins, on the path flow: [B] float64.</summary>
    public Tensor Sigmas(IReadOnlyList<int> steps, Device? device = null) => Of(_levels, steps, device, NoisePathKind.Flow);

    /// <summary>σ where each step leads, on the path flow: [B] float64.</summary>
    public Tensor NextSigmas(IReadOnlyList<int> steps, Device? device = null) => Of(_next, steps, device, NoisePathKind.Flow);

    private Tensor Of(double[] values, IReadOnlyList<int> steps, Device? device, NoisePathKind? of = null)
    {
        ArgumentNullException.ThrowIfNull(steps);
        if (of is { } path && path != _path)
        {
            throw new InvalidInputException($"this sampler belongs to the path {(path == NoisePathKind.Flow ? "flow" : "diffusion")}, and the model's path is {(_path == NoisePathKind.Flow ? "flow" : "diffusion")}");
        }

        return tensor([.. steps.Select(step => values[step])], device: device);
    }
}
