using Plumbline.Training.Models;

namespace Plumbline.Plugins.ValueMlp;

/// <summary>Options of <c>value-mlp</c>.</summary>
public sealed record ValueMlpOptions : IEstimates
{
    /// <summary>The decision problem it is built for: what is seen, and what can be done.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>Numbers it gives each action: particles of the return's distribution; 1 is a plain value.</summary>
    [Positive]
    public int Particles { get; init; } = 16;

    /// <summary>It is shown a stock too, divided by this; null: none.</summary>
    [Positive]
    public double? StockScale { get; init; }

    /// <summary>Widths of the hidden layers.</summary>
    [Positive]
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <inheritdoc/>
    public Cost Estimate(IServiceProvider services)
    {
        var environment = Environment.Create(services);
        long[] widths = [ValueMlp.Inputs(this, environment), .. Hidden.Select(width => (long)width), (long)ValueMlp.Choices(environment) * Particles];
        return new Cost
        {
            Parameters = widths.Zip(widths.Skip(1), (from, to) => (from + 1) * to).Sum(),
            ActivationsPerToken = 2 * widths.Sum(),
            ContextLength = 1,
        };
    }
}
