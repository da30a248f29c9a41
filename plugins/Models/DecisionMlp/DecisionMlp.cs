using Plumbline.Training.Decisions;
using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DecisionMlp;

/// <summary>A small network as a policy: Gaussian where actions are vectors, else a distribution for each component's choice.</summary>
[Model("decision-mlp")]
public sealed class DecisionMlp : IDecisionModel
{
    /// <summary>Standard deviations stay within these powers of e, so that densities stay finite.</summary>
    private const double LeastLogStd = -20;
    private const double MostLogStd = 2;

    private readonly DecisionMlpOptions _options;
    private readonly Layers _layers;
    private readonly (Device Device, ScalarType Dtype) _place;

    /// <summary>Builds the network on the run's device and dtype.</summary>
    public DecisionMlp(DecisionMlpOptions options, RunContext run, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        var environment = options.Environment.Create(services);
        (_options, _place, ObservationSize, Actions) = (options, (run.Device, run.Dtype), environment.ObservationSize, environment.Actions);
        _layers = new Layers(options, ObservationSize, Actions, run.Draws.Key("weights"), _place);
    }

    private DecisionMlp(DecisionMlp other)
    {
        (_options, _place, ObservationSize, Actions) = (other._options, other._place, other.ObservationSize, other.Actions);
        _layers = new Layers(_options, ObservationSize, Actions, default, _place);
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
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public ActionSpace Actions { get; }

    /// <inheritdoc/>
    public IActionDistribution Act(Tensor observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        var outputs = _layers.Trunk.Forward(observations);
        if (_layers.LogStd is { } logStd)
        {
            return new GaussianActions(outputs, logStd.clamp(LeastLogStd, MostLogStd));
        }

        var starts = new int[Actions.Choices.Count];
        for (var component = 1; component < starts.Length; component++)
        {
            starts[component] = starts[component - 1] + Actions.Choices[component - 1];
        }

        return new CategoricalActions(Actions.Choices.Select((choices, component) => outputs.narrow(1, starts[component], choices)));
    }

    /// <inheritdoc/>
    public IModel Freeze() => new DecisionMlp(this);

    /// <inheritdoc/>
    public void Dispose() => _layers.Dispose();

    /// <summary>Numbers that the last layer gives.</summary>
    internal static int Outputs(ActionSpace actions) => actions.Dimensions > 0 ? actions.Dimensions : actions.Choices.Sum();

    private sealed class Layers : nn.Module
    {
        internal Layers(DecisionMlpOptions options, int inputs, ActionSpace actions, Draws draws, (Device Device, ScalarType Dtype) place)
            : base(nameof(Layers))
        {
            Trunk = new FeedForward(inputs, options.Hidden, Outputs(actions), options.Activation, draws, place.Device, place.Dtype, options.ZeroHead);
            register_module("trunk", Trunk);
            if (actions.Dimensions > 0)
            {
                using var start = full(actions.Dimensions, options.LogStd, place.Dtype, place.Device);
                LogStd = new Parameter(start);
                register_parameter("log_std", LogStd);
            }
        }

        internal FeedForward Trunk { get; }

        internal Parameter? LogStd { get; }
    }
}
