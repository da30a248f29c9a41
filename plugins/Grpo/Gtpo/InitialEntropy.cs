using static TorchSharp.torch;

namespace Plumbline.Plugins.Gtpo;

/// <summary>The mean entropy of a token before training, once it was measured: a buffer, so that it outlives an interruption.</summary>
internal sealed class InitialEntropy : nn.Module
{
    private readonly Tensor _value = tensor(double.NaN);

    private InitialEntropy()
        : base(nameof(InitialEntropy)) => register_buffer("value", _value);

    /// <summary>Before it was measured. Whoever runs the objective disposes of it.</summary>
    internal static InitialEntropy Unmeasured() => new();

    /// <summary>Nats; null before it was measured.</summary>
    internal double? Value
    {
        get => _value.ToDouble() is var value && double.IsNaN(value) ? null : value;
        set
        {
            using var still = no_grad();
            _value.fill_(value ?? double.NaN);
        }
    }
}
