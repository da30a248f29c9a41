using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>The reverse steps of a sampler from noise to sample, each of them a Gaussian policy: where it starts, how the network is asked, where it leads.</summary>
/// <remarks>What samplers of chains and of trees share. Rows of one call may be at different steps.</remarks>
public sealed class StepChain
{
    private readonly StepChainOptions _options;
    private readonly double[] _levels;
    private readonly double[] _times;
    private readonly NoiseSchedule _schedule;

    /// <summary>The chain of the options.</summary>
    public StepChain(StepChainOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _schedule = NoiseSchedule.Create(options.Schedule);
        if (options.Path == NoisePathKind.Flow)
        {
            _levels = FlowGrid.Sigmas(new FlowGridOptions { NumInferenceSteps = options.SamplingSteps, Shift = options.Shift });
            _times = _levels;
            return;
        }

        var grid = TimestepGrid.Create(options.Grid);
        grid = options.EndIndex == 0 ? grid.EndingAtZero() : grid;
        long[] timesteps = [.. grid.Timesteps, grid.PrevTimesteps[^1]];
        _levels = [.. timesteps.Select(timestep => _schedule.AlphaBar(timestep))];
        _times = [.. timesteps.Select(timestep => timestep / (double)_schedule.Timesteps)];
    }

    /// <summary>Steps, S.</summary>
    public int Count => _options.SamplingSteps;

    private double Eta => _options.Eta ?? (_options.Path == NoisePathKind.Flow ? 0.3 : 1);

    private FlowSdeOptions Sde => new() { Kind = _options.Sde, NoiseLevel = _options.NoiseLevel, Eta = Eta, FirstSigma = _levels[1] is > 0 and < 1 ? _levels[1] : null };

    /// <summary>Whether a step adds noise, and so has a density.</summary>
    public bool Stochastic(int step)
    {
        var scale = _options is { Path: NoisePathKind.Flow, Sde: FlowSdeKind.FlowGrpo } ? _options.NoiseLevel : Eta;
        return scale > 0 && (_options.Path == NoisePathKind.Flow || _levels[step + 1] < 1);
    }

    /// <summary>Standard normal noise, one row a source of chance.</summary>
    /// <param name="draws">Keyed down to the row and the step.</param>
    /// <param name="model">Gives shape, device and dtype.</param>
    /// <returns>[B,...].</returns>
    public static Tensor Noise(IReadOnlyList<Draws> draws, IDenoisingModel model)
    {
        ArgumentNullException.ThrowIfNull(draws);
        ArgumentNullException.ThrowIfNull(model);
        var like = model.Network.parameters().First();
        return GaussianNoise.Of(draws, model.SampleShape, like.device).to_type(like.dtype);
    }

    /// <summary>The distribution of the next state.</summary>
    /// <param name="model">The network.</param>
    /// <param name="states">[B,...].</param>
    /// <param name="steps">The step of each row.</param>
    /// <param name="conditions">[B] or [B,...]; null: none.</param>
    /// <param name="deterministic">Without noise: eta or the noise level is 0.</param>
    public GaussianStep Step(IDenoisingModel model, Tensor states, IReadOnlyList<int> steps, Tensor? conditions, bool deterministic = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(steps);
        var device = states.device;
        var (from, to) = (At(_levels, steps, 0, device), At(_levels, steps, 1, device));
        var prediction = Predict(model, states, At(_times, steps, 0, device), conditions);
        if (_options.Path == NoisePathKind.Diffusion)
        {
            return DiffusionSteps.Ddim(prediction, states, from, to, deterministic ? 0 : Eta, _options.Predicts, _options.ClipSample);
        }

        var velocity = prediction;
        if (_options.Predicts != PredictionKind.Velocity)
        {
            var (clean, noise) = Diffusion.NoiseLevel.Flow(from).Convert(_options.Predicts, prediction, states);
            velocity = noise - clean;
        }

        return FlowSde.Step(velocity, states, from, to, deterministic ? Sde with { NoiseLevel = 0, Eta = 0 } : Sde);
    }

    /// <summary>What <see cref="ITrajectorySampler.Densities"/> gives.</summary>
    public TransitionDensities Densities(IDenoisingModel model, Trajectories trajectories, IReadOnlyList<int> edges)
    {
        ArgumentNullException.ThrowIfNull(trajectories);
        ArgumentNullException.ThrowIfNull(edges);
        int[] steps = [.. edges.Select(edge => trajectories.Steps[edge])];
        if (steps.Cast<int?>().FirstOrDefault(step => !Stochastic(step!.Value)) is { } still)
        {
            throw new InvalidInputException(_options switch
            {
                { Path: NoisePathKind.Diffusion } when Eta > 0 => $"step {still} ends at the clean sample, without noise, and has no density; set end_index to 0, or leave that step out",
                { Path: NoisePathKind.Flow, Sde: FlowSdeKind.FlowGrpo } => "noise_level is 0: steps without noise have no density; set it above 0",
                _ => "eta is 0: steps without noise have no density; set it above 0",
            });
        }

        var device = trajectories.States.device;
        Tensor Rows(Tensor values, IEnumerable<int> places) => values.index_select(0, tensor(places.Select(place => (long)place).ToArray(), device: device));
        var conditions = trajectories.Conditions is { } asked ? Rows(asked, edges.Select(edge => trajectories.Groups[edge])) : null;
        var step = Step(model, Rows(trajectories.States, edges.Select(edge => trajectories.Parents[edge])), steps, conditions);
        var logps = step.LogDensity(Rows(trajectories.States, edges.Select(edge => trajectories.Children[edge])), _options.Reduction);
        var scales = _options is { KlScale: StepScale.Coefficient, Path: NoisePathKind.Flow }
            ? FlowSde.Coefficient(At(_levels, steps, 0, device), At(_levels, steps, 1, device), Sde).to(logps.dtype, device) : step.Std;
        return new TransitionDensities(logps, step.Mean, scales);
    }

    /// <summary>What <see cref="ITrajectorySampler.DenoisingErrors"/> gives.</summary>
    public Tensor DenoisingErrors(IDenoisingModel model, Tensor samples, Tensor? conditions, IReadOnlyList<Draws> draws)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(draws);
        var (device, flow) = (samples.device, _options.Path == NoisePathKind.Flow);
        var uniform = draws.Select(row => row.Key("time").Uniform());
        double[] places = [.. flow ? uniform : uniform.Select(place => Math.Floor(place * _schedule.Timesteps))];
        var level = flow ? Diffusion.NoiseLevel.Flow(tensor(places, device: device)) : Diffusion.NoiseLevel.Diffusion(_schedule.AlphaBar([.. places.Select(place => (long)place)], device));
        var noise = GaussianNoise.Of([.. draws.Select(row => row.Key("noise"))], model.SampleShape, device).to_type(samples.dtype);
        var times = tensor(places.Select(place => flow ? place : place / _schedule.Timesteps).ToArray(), device: device);
        var prediction = model.Predict(level.AddNoise(samples, noise), times.to_type(samples.dtype), conditions);
        return DenoisingLoss.PerSample(prediction, level.Target(_options.Predicts, samples, noise));
    }

    private Tensor Predict(IDenoisingModel model, Tensor states, Tensor times, Tensor? conditions)
    {
        times = times.to_type(states.dtype);
        if (_options.GuidanceScale == 1)
        {
            return model.Predict(states, times, conditions);
        }

        if (conditions is null)
        {
            throw new PlumblineException("guidance_scale is not 1, and the samples are asked for without a condition: there is nothing to be guided towards; set it to 1");
        }

        // Both in one run of the network.
        var rows = states.shape[0];
        var twice = model.Predict(cat([states, states], 0), cat([times, times], 0), cat([conditions, conditions], 0), arange(2 * rows, device: states.device).ge(rows));
        var (guided, free) = (twice.narrow(0, 0, rows), twice.narrow(0, rows, rows));
        return Guidance.Combine(guided, _options.DetachUnconditional ? free.detach() : free, _options.GuidanceScale, _options.GuidanceRescale);
    }

    private static Tensor At(double[] values, IReadOnlyList<int> steps, int offset, Device device) => tensor(steps.Select(step => values[step + offset]).ToArray(), device: device);
}
