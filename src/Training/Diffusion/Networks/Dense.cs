using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>A linear layer that an adapter can change without touching its weights.</summary>
public sealed class Dense : nn.Module
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    /// <summary>A layer; its weights are filled by <see cref="DenoisingNetwork.Initialize"/>.</summary>
    /// <param name="inputs">Numbers in.</param>
    /// <param name="outputs">Numbers out.</param>
    /// <param name="device">Where.</param>
    /// <param name="dtype">Of the weights.</param>
    /// <param name="bias">Whether it has one.</param>
    public Dense(long inputs, long outputs, Device device, ScalarType dtype, bool bias = true)
        : base(nameof(Dense))
    {
        _weight = NetworkWeights.New(this, "weight", [outputs, inputs], device, dtype);
        _bias = bias ? NetworkWeights.New(this, "bias", [outputs], device, dtype) : null;
    }

    /// <summary>[out,in].</summary>
    public Parameter Weight => _weight;

    /// <summary>x Wᵀ + b, and what the adapter adds.</summary>
    /// <param name="x">[...,in].</param>
    /// <param name="adapter">Null: none.</param>
    public Tensor Apply(Tensor x, LowRankAdapter? adapter = null)
    {
        var y = nn.functional.linear(x, _weight, _bias);
        return adapter?.Change(this, x) is { } change ? y + change : y;
    }
}

/// <summary>New parameters.</summary>
public static class NetworkWeights
{
    /// <summary>A parameter of zeros, registered with its module, in no dispose scope.</summary>
    public static Parameter New(nn.Module module, string name, long[] shape, Device device, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var values = zeros(shape, dtype, device);
        var parameter = new Parameter(values);
        _ = parameter.DetachFromDisposeScope();
        module.register_parameter(name, parameter);
        return parameter;
    }

    /// <summary>Fills a tensor with numbers between ± a bound; they depend on the draws alone.</summary>
    public static void Uniform(Tensor values, double bound, Draws draws) => Fill(values, draws, generator => rand(values.shape, ScalarType.Float32, generator: generator).mul_(2 * bound).sub_(bound));

    /// <summary>Fills a tensor with normal numbers; they depend on the draws alone.</summary>
    public static void Normal(Tensor values, double deviation, Draws draws) => Fill(values, draws, generator => normal(0, deviation, values.shape, ScalarType.Float32, generator: generator));

    private static void Fill(Tensor values, Draws draws, Func<Generator, Tensor> make)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var still = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)draws.Seed());
        values.copy_(make(generator));
    }
}
