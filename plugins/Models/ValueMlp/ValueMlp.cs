using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.ValueMlp;

/// <summary>A small network that gives the values of actions: for each, particles of the distribution of the return to go.</summary>
[Model("value-mlp")]
public sealed class ValueMlp : IFunctionModel
{
    private readonly ValueMlpOptions _options;
    private readonly FeedForward _layers;
    private readonly int _actions;

    /// <summary>Builds the network on the run's device and dtype.</summary>
    public ValueMlp(ValueMlpOptions options, RunContext run, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        var environment = options.Environment.Create(services);
        (_options, _actions, InputSize) = (options, Choices(environment), Inputs(options, environment));
        _layers = new FeedForward(InputSize, options.Hidden, _actions * options.Particles, options.Activation, run.Draws.Key("weights"), run.Device, run.Dtype);
    }

    private ValueMlp(ValueMlp other)
    {
        (_options, _actions, InputSize) = (other._options, other._actions, other.InputSize);
        var like = other._layers.parameters().First();
        _layers = new FeedForward(InputSize, _options.Hidden, _actions * _options.Particles, _options.Activation, default, like.device, like.dtype);
        _layers.load_state_dict(other._layers.state_dict());
        _layers.eval();
        foreach (var parameter in _layers.parameters())
        {
            parameter.requires_grad = false;
        }
    }

    /// <inheritdoc/>
    public nn.Module Network => _layers;

    /// <inheritdoc/>
    public int InputSize { get; }

    /// <inheritdoc/>
    public IReadOnlyList<long> OutputShape => [_actions, _options.Particles];

    /// <inheritdoc/>
    public Tensor Compute(Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (_options.StockScale is { } scale)
        {
            inputs = cat([inputs.narrow(1, 0, InputSize - 1), inputs.narrow(1, InputSize - 1, 1) / scale], 1);
        }

        return _layers.Forward(inputs).reshape(-1, _actions, _options.Particles);
    }

    /// <inheritdoc/>
    public IModel Freeze() => new ValueMlp(this);

    /// <inheritdoc/>
    public void Dispose() => _layers.Dispose();

    internal static int Inputs(ValueMlpOptions options, IVectorEnvironment environment) => environment.ObservationSize + (options.StockScale is null ? 0 : 1);

    internal static int Choices(IVectorEnvironment environment) => environment.Actions.Choices is [var actions] ? actions
        : throw new PlumblineException($"value-mlp gives a value to each of several actions, and the environment's actions are {environment.Actions}");
}
