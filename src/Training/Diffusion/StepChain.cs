using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>The reverse steps from noise to sample under one model, each of them a Gaussian policy: where it starts, how the network is asked, where it leads.</summary>
/// <remarks>What samplers of chains and of trees share. Rows of one call may be at different steps.</remarks>
public sealed class StepChain
{
    private readonly StepChainOptions _options;
    private readonly IDiffusionModel _model;
    private readonly Denoiser _denoiser;
    private readonly SamplingGrid _grid;
    private readonly FlowSdeOptions _sde;

    /// <summary>The steps of the options.</summary>
    /// <param name="model">What predicts; its process says the path.</param>
    /// <param name="options">The steps.</param>
    public StepChain(IDiffusionModel model, StepChainOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        options.Require(model.Process.Path);
        (_model, _options) = (model, options);
        _denoiser = new Denoiser(model, options.GuidanceScale, options.GuidanceRescale, options.DetachUnconditional);
        _grid = SamplingGrid.Create(model.Process, options);
        _sde = new FlowSdeOptions { Kind = options.Sde, NoiseLevel = options.NoiseLevel, Eta = Eta, FirstSigma = IsFlow && Count > 1 ? _grid.Sigmas([1]).ToDouble() : null };
    }

    /// <summary>Steps, S.</summary>
    public int Count => _grid.Steps;

    private bool IsFlow => _model.Process.Path == NoisePathKind.Flow;

    private double Eta => _options.Eta ?? (IsFlow ? 0.3 : 1);

    /// <summary>Whether a step adds noise, and so has a density.</summary>
    public bool Stochastic(int step) => IsFlow
        ? (_options.Sde == FlowSdeKind.FlowGrpo ? _options.NoiseLevel : Eta) > 0
        : Eta > 0 && _grid.PreviousAlphaBars([step]).ToDouble() < 1;

    /// <summary>Standard normal noise in the shape of samples, one row a source of chance.</summary>
    /// <param name="draws">Keyed down to the row and the step.</param>
    /// <param name="like">Gives dtype and device; null: the model's weights do.</param>
    /// <returns>[B,...].</returns>
    public Tensor Noise(IReadOnlyList<Draws> draws, Tensor? like = null)
    {
        var given = like ?? _model.Network.parameters().First();
        return NormalNoise.Of(draws, _model.SampleShape, given.dtype, given.device);
    }

    /// <summary>The distribution of the next state.</summary>
    /// <param name="states">[B,...].</param>
    /// <param name="steps">The step of each row.</param>
    /// <param name="conditions">[B] or [B,...]; null: none.</param>
    /// <param name="deterministic">Without noise: eta or the noise level is 0.</param>
    public GaussianStep Step(Tensor states, IReadOnlyList<int> steps, Tensor? conditions, bool deterministic = false)
    {
        ArgumentNullException.ThrowIfNull(states);
        var device = states.device;
        var prediction = _denoiser.Predict(states, _grid.Times(steps, device).to_type(states.dtype), conditions);
        if (!IsFlow)
        {
            return DiffusionSteps.Ddim(
                prediction, states, _grid.AlphaBars(steps, device), _grid.PreviousAlphaBars(steps, device), deterministic ? 0 : Eta, _model.Process.Prediction, _options.ClipSample);
        }

        var (from, to) = (_grid.Sigmas(steps, device), _grid.NextSigmas(steps, device));
        var velocity = prediction;
        if (_model.Process.Prediction != PredictionKind.Velocity)
        {
            var (clean, noise) = NoiseLevel.Flow(from).Convert(_model.Process.Prediction, prediction, states);
            velocity = noise - clean;
        }

        return FlowSde.Step(velocity, states, from, to, deterministic ? _sde with { NoiseLevel = 0, Eta = 0 } : _sde);
    }

    /// <summary>What <see cref="ITrajectorySampler.Densities"/> gives.</summary>
    public TransitionDensities Densities(Trajectories trajectories, IReadOnlyList<int> edges)
    {
        ArgumentNullException.ThrowIfNull(trajectories);
        ArgumentNullException.ThrowIfNull(edges);
        int[] steps = [.. edges.Select(edge => trajectories.Steps[edge])];
        if (steps.Distinct().Where(step => !Stochastic(step)).Select(step => (int?)step).FirstOrDefault() is { } still)
        {
            throw new InvalidInputException(
                !IsFlow && Eta > 0 ? $"step {still} ends at the clean sample, without noise, and has no density; set end_at_zero, or leave that step out"
                : IsFlow && _options.Sde == FlowSdeKind.FlowGrpo ? "noise_level is 0: steps without noise have no density; set it above 0"
                : "eta is 0: steps without noise have no density; set it above 0");
        }

        var device = trajectories.States.device;
        Tensor Rows(Tensor values, IEnumerable<int> places) => values.index_select(0, tensor(places.Select(place => (long)place).ToArray(), device: device));
        var conditions = trajectories.Conditions is { } asked ? Rows(asked, edges.Select(edge => trajectories.Groups[edge])) : null;
        var step = Step(Rows(trajectories.States, edges.Select(edge => trajectories.Parents[edge])), steps, conditions);
        var logps = step.LogDensity(Rows(trajectories.States, edges.Select(edge => trajectories.Children[edge])), _options.Reduction);
        var scales = IsFlow && _options.KlScale == StepScale.Coefficient
            ? FlowSde.Coefficient(_grid.Sigmas(steps, device), _grid.NextSigmas(steps, device), _sde).to(logps.dtype, device) : step.Std;
        return new TransitionDensities(logps, step.Mean, scales);
    }
}
