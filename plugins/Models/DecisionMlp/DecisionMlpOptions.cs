using Plumbline.Training.Models;

namespace Plumbline.Plugins.DecisionMlp;

/// <summary>Options of <c>decision-mlp</c>.</summary>
public sealed record DecisionMlpOptions : IEstimates
{
    /// <summary>The decision problem it is built for: what is seen, and what can be done.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>Widths of the hidden layers.</summary>
    [Positive]
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;

    /// <summary>The last layer begins at 0: every choice is equally probable, or every mean 0.</summary>
    public bool ZeroHead { get; init; } = true;

    /// <summary>Where actions are vectors: the logarithm of the first standard deviations. They train, and are the same everywhere.</summary>
    public double LogStd { get; init; } = -0.5;

    /// <inheritdoc/>
    public Cost Estimate(IServiceProvider services)
    {
        var environment = Environment.Create(services);
        long[] widths = [environment.ObservationSize, .. Hidden.Select(width => (long)width), DecisionMlp.Outputs(environment.Actions)];
        return new Cost
        {
            Parameters = widths.Zip(widths.Skip(1), (from, to) => (from + 1) * to).Sum() + environment.Actions.Dimensions,
            ActivationsPerToken = 2 * widths.Sum(),
            ContextLength = environment.Horizon,
        };
    }
}
