using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Aranyani;

/// <summary>Options of <c>oblique-forest</c>.</summary>
public sealed record ObliqueForestOptions : IEstimates
{
    /// <summary>Numbers of an instance.</summary>
    [Positive]
    public required int Inputs { get; init; }

    /// <summary>Classes.</summary>
    [Positive]
    public int Classes { get; init; } = 2;

    /// <summary>Trees, whose predictions are averaged.</summary>
    [Positive]
    public int Trees { get; init; } = 3;

    /// <summary>Decisions from a tree's root to a leaf; nodes double with each.</summary>
    [Interval(1, 12)]
    public int Depth { get; init; } = 4;

    /// <inheritdoc/>
    public Cost Estimate(IServiceProvider services) => new() { Parameters = (long)Trees * ((((1L << Depth) - 1) * (Inputs + 1)) + ((1L << Depth) * Classes)), ContextLength = 1 };
}

/// <summary>A forest of soft oblique decision trees; weight and bias begin standard normal, the leaves' theta uniform in [0,1).</summary>
[Model("oblique-forest", Paper = "2310.11401", Title = "Enhancing Group Fairness in Online Settings Using Oblique Decision Forests")]
public sealed class ObliqueForest : IFunctionModel
{
    private readonly ObliqueForestOptions _options;
    private readonly Trees _trees;

    /// <summary>Builds the forest on the run's device and dtype.</summary>
    public ObliqueForest(ObliqueForestOptions options, RunContext run)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        _options = options;
        var (draws, leaves) = (run.Draws.Key("weights"), 1 << options.Depth);
        using var scope = NewDisposeScope();
        _trees = new Trees(
            Filled(draws.Key("weight"), draw => draw.Normal(), options.Trees, options.Inputs, leaves - 1),
            Filled(draws.Key("bias"), draw => draw.Normal(), options.Trees, leaves - 1),
            Filled(draws.Key("theta"), draw => draw.Uniform(), options.Trees, leaves, options.Classes));
        scope.Detach(_trees.parameters());

        Tensor Filled(Draws own, Func<Draws, double> draw, params long[] shape) =>
            tensor([.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => draw(own.Key(i)))], shape, run.Dtype, run.Device);
    }

    private ObliqueForest(ObliqueForest other)
    {
        using var scope = NewDisposeScope();
        (_options, _trees) = (other._options, new Trees(other._trees.Weight.detach().clone(), other._trees.Bias.detach().clone(), other._trees.Theta.detach().clone()));
        _trees.eval();
        foreach (var parameter in _trees.parameters())
        {
            parameter.requires_grad = false;
        }

        scope.Detach(_trees.parameters());
    }

    /// <inheritdoc/>
    public nn.Module Network => _trees;

    /// <inheritdoc/>
    public int InputSize => _options.Inputs;

    /// <inheritdoc/>
    public IReadOnlyList<long> OutputShape => [_options.Classes];

    /// <summary>The probabilities of the classes.</summary>
    /// <param name="inputs">[N,D].</param>
    /// <returns>[N,C].</returns>
    public Tensor Compute(Tensor inputs) => ObliqueTrees.Forward(inputs, _trees.Weight, _trees.Bias, _trees.Theta).Predictions;

    /// <inheritdoc/>
    public IModel Freeze() => new ObliqueForest(this);

    /// <inheritdoc/>
    public void Dispose() => _trees.Dispose();

    private sealed class Trees : nn.Module
    {
        internal Trees(Tensor weight, Tensor bias, Tensor theta)
            : base(nameof(Trees))
        {
            (Weight, Bias, Theta) = (new Parameter(weight), new Parameter(bias), new Parameter(theta));
            register_parameter("weight", Weight);
            register_parameter("bias", Bias);
            register_parameter("theta", Theta);
        }

        internal Parameter Weight { get; }

        internal Parameter Bias { get; }

        internal Parameter Theta { get; }
    }
}
