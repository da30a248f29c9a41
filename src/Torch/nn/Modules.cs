using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Modules;

public sealed class Linear : Module<Tensor, Tensor>
{
    private Parameter? _weight;
    private Parameter? _bias;

    internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(Linear))
    {
        var bound = 1 / Math.Sqrt(inputSize);
        using var scope = NewDisposeScope();
        weight = new Parameter(empty([outputSize, inputSize], dtype, device).uniform_(-bound, bound));
        if (hasBias)
        {
            bias = new Parameter(empty([outputSize], dtype, device).uniform_(-bound, bound));
        }
    }

    public Parameter weight
    {
        get => _weight!;
        set => Replace(nameof(weight), ref _weight, value);
    }

    public Parameter? bias
    {
        get => _bias;
        set => Replace(nameof(bias), ref _bias, value);
    }

    public override Tensor forward(Tensor tensor) => F.linear(tensor, weight, bias);
}

public sealed class Embedding : Module<Tensor, Tensor>
{
    private Parameter? _weight;
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
    }

    public Parameter weight
    {
        get => _weight!;
        set => Replace(nameof(weight), ref _weight, value);
    }

    public override Tensor forward(Tensor input) => F.Embed(input, weight, _padding);
}

public sealed class LayerNorm : Module<Tensor, Tensor>
{
    private Parameter? _weight;
    private Parameter? _bias;

    internal LayerNorm(long[] shape, double eps, bool affine, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(LayerNorm))
    {
        (normalized_shape, this.eps, elementwise_affine) = (shape, eps, affine);
        using var scope = NewDisposeScope();
        if (affine)
        {
            weight = new Parameter(ones(shape, dtype, device));
            if (hasBias)
            {
                bias = new Parameter(zeros(shape, dtype, device));
            }
        }
    }

    public long[] normalized_shape { get; set; }

    public double eps { get; set; }

    public bool elementwise_affine { get; set; }

    /// <summary>Null where the module is not affine.</summary>
    public Parameter weight
    {
        get => _weight!;
        set => Replace(nameof(weight), ref _weight, value);
    }

    public Parameter? bias
    {
        get => _bias;
        set => Replace(nameof(bias), ref _bias, value);
    }

    public override Tensor forward(Tensor tensor) => F.layer_norm(tensor, normalized_shape, weight, bias, eps);
}

public sealed class GroupNorm : Module<Tensor, Tensor>
{
    private Parameter? _weight;
    private Parameter? _bias;

    internal GroupNorm(long groups, long channels, double eps, bool affine, Device? device, ScalarType? dtype)
        : base(nameof(GroupNorm))
    {
        (num_groups, this.eps) = (groups, eps);
        using var scope = NewDisposeScope();
        if (affine)
        {
            weight = new Parameter(ones([channels], dtype, device));
            bias = new Parameter(zeros([channels], dtype, device));
        }
    }

    public long num_groups { get; set; }

    public double eps { get; set; }

    /// <summary>Null where the module is not affine.</summary>
    public Parameter weight
    {
        get => _weight!;
        set => Replace(nameof(weight), ref _weight, value);
    }

    public Parameter? bias
    {
        get => _bias;
        set => Replace(nameof(bias), ref _bias, value);
    }

    public override Tensor forward(Tensor tensor) => F.group_norm(tensor, num_groups, weight, bias, eps);
}
