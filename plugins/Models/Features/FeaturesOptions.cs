using Plumbline.Training.Models;

namespace Plumbline.Plugins.Features;

/// <summary>Options of <c>features</c>.</summary>
public sealed record FeaturesOptions
{
    /// <summary>Numbers of an answer.</summary>
    [Positive]
    public required int Inputs { get; init; }

    /// <summary>Widths of the hidden layers; the last one is what a head reads.</summary>
    [Positive]
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public Activation Activation { get; init; } = Activation.Relu;
}
