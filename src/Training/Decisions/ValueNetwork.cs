using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>A critic of a decision problem: the value of what is seen.</summary>
internal sealed class ValueNetwork(int inputs, IReadOnlyList<int> hidden, Activation activation, Draws draws, Parameter like) : IDisposable
{
    private readonly FeedForward _network = new(inputs, hidden, 1, activation, draws, like.device, like.dtype);

    internal IEnumerable<Parameter> Parameters => _network.parameters();

    /// <summary>Values of observations.</summary>
    /// <param name="observations">[…,D].</param>
    /// <returns>[…].</returns>
    internal Tensor Values(Tensor observations) => _network.Forward(observations).squeeze(-1);

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}
