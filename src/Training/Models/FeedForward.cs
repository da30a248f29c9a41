using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>What follows each hidden layer.</summary>
public enum Activation
{
    /// <summary>max(0, x).</summary>
    Relu,

    /// <summary>tanh x.</summary>
    Tanh,
}

/// <summary>Layers one after the other, each followed by an activation; where outputs are asked for, one more without.</summary>
/// <remarks>Weights begin uniform within one over the root of the inputs, as a linear layer usually does.</remarks>
public sealed class FeedForward : nn.Module
{
    private readonly Activation _activation;
    private readonly (Parameter Weight, Parameter Bias)[] _hidden;
    private readonly (Parameter Weight, Parameter Bias)? _head;

    /// <summary>A network with its first weights.</summary>
    /// <param name="inputs">Numbers it takes.</param>
    /// <param name="hidden">Widths of the hidden layers.</param>
    /// <param name="outputs">Numbers it gives; null: the last hidden layer's.</param>
    /// <param name="activation">What follows each hidden layer.</param>
    /// <param name="draws">Source of the first weights, keyed by the parameters' names.</param>
    /// <param name="device">Where it lives.</param>
    /// <param name="dtype">Of the weights.</param>
    /// <param name="zeroHead">The last layer's weights and biases begin at 0: so all outputs are.</param>
    public FeedForward(int inputs, IReadOnlyList<int> hidden, int? outputs, Activation activation, Draws draws, Device device, ScalarType dtype, bool zeroHead = false)
        : base(nameof(FeedForward))
    {
        ArgumentNullException.ThrowIfNull(hidden);
        _activation = activation;
        using var scope = NewDisposeScope();
        int[] widths = [inputs, .. hidden];
        _hidden = [.. hidden.Select((width, i) => Layer($"{i}", width, widths[i], zero: false))];
        _head = outputs is { } numbers ? Layer("head", numbers, widths[^1], zeroHead) : null;
        scope.Detach(parameters());

        (Parameter, Parameter) Layer(string name, int width, int from, bool zero) => (Add($"{name}.weight", [width, from], from, zero), Add($"{name}.bias", [width], from, zero));

        Parameter Add(string name, long[] shape, int from, bool zero)
        {
            var (own, bound) = (draws.Key(name), zero ? 0 : 1 / Math.Sqrt(from));
            double[] values = [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => bound * ((2 * own.Key(i).Uniform()) - 1))];
            var parameter = new Parameter(tensor(values, shape, device: device).to_type(dtype));
            register_parameter(name, parameter);
            return parameter;
        }
    }

    /// <summary>The function.</summary>
    /// <param name="x">[…,inputs].</param>
    /// <returns>[…,outputs].</returns>
    public Tensor Forward(Tensor x)
    {
        foreach (var (weight, bias) in _hidden)
        {
            var sum = nn.functional.linear(x, weight, bias);
            x = _activation == Activation.Tanh ? sum.tanh() : sum.relu();
        }

        return _head is { } head ? nn.functional.linear(x, head.Weight, head.Bias) : x;
    }
}
