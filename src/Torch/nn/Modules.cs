using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Modules;

public sealed class Linear : Module<Tensor, Tensor>
{
    internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(Linear))
    {
        var bound = 1 / Math.Sqrt(inputSize);
        using var scope = NewDisposeScope();
        weight = new Parameter(empty([outputSize, inputSize], dtype, device).uniform_(-bound, bound));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(empty([outputSize], dtype, device).uniform_(-bound, bound));
            register_parameter(nameof(bias), bias);
        }
    }

    public Parameter weight { get; }

    public Parameter? bias { get; }

    public override Tensor forward(Tensor tensor) => F.linear(tensor, weight, bias);
}

public sealed class Embedding : Module<Tensor, Tensor>
{
    private readonly long _padding;

    internal Embedding(long count, long width, long? padding, Device? device, ScalarType? dtype)
        : base(nameof(Embedding))
    {
        _padding = padding is { } given ? (given < 0 ? given + count : given) : -1;
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var table = randn([count, width], dtype, device);
        if (_padding >= 0)
        {
            table.select(0, _padding).zero_();
        }

        weight = new Parameter(table);
        register_parameter(nameof(weight), weight);
    }

    public Parameter weight { get; }

    public override Tensor forward(Tensor input) => F.Embed(input, weight, _padding);
}

public sealed class LayerNorm : Module<Tensor, Tensor>
{
    internal LayerNorm(long[] shape, double eps, bool affine, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(LayerNorm))
    {
        (normalized_shape, this.eps, elementwise_affine) = (shape, eps, affine);
        using var scope = NewDisposeScope();
        if (affine)
        {
            weight = new Parameter(ones(shape, dtype, device));
            register_parameter(nameof(weight), weight);
            if (hasBias)
            {
                bias = new Parameter(zeros(shape, dtype, device));
                register_parameter(nameof(bias), bias);
            }
        }
    }

    public long[] normalized_shape { get; }

    public double eps { get; }

    public bool elementwise_affine { get; }

    /// <summary>Null where the module is not affine.</summary>
    public Parameter weight { get; } = null!;

    public Parameter? bias { get; }

    public override Tensor forward(Tensor tensor) => F.layer_norm(tensor, normalized_shape, weight, bias, eps);
}

public sealed class GroupNorm : Module<Tensor, Tensor>
{
    internal GroupNorm(long groups, long channels, double eps, bool affine, Device? device, ScalarType? dtype)
        : base(nameof(GroupNorm))
    {
        (num_groups, num_channels, this.eps) = (groups, channels, eps);
        using var scope = NewDisposeScope();
        if (affine)
        {
            weight = new Parameter(ones([channels], dtype, device));
            bias = new Parameter(zeros([channels], dtype, device));
            register_parameter(nameof(weight), weight);
            register_parameter(nameof(bias), bias);
        }
    }

    public long num_groups { get; }

    public long num_channels { get; }

    public double eps { get; }

    /// <summary>Null where the module is not affine.</summary>
    public Parameter weight { get; } = null!;

    public Parameter? bias { get; }

    public override Tensor forward(Tensor tensor) => F.group_norm(tensor, num_groups, weight, bias, eps);
}
