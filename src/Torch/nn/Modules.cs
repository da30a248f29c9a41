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

    public override Tensor forward(Tensor input) => F.linear(input, weight, bias);
}

public sealed class Embedding : Module<Tensor, Tensor>
{
    internal Embedding(long count, long width, Device? device, ScalarType? dtype)
        : base(nameof(Embedding))
    {
        using var scope = NewDisposeScope();
        weight = new Parameter(randn([count, width], dtype, device));
        register_parameter(nameof(weight), weight);
    }

    public Parameter weight { get; }

    public override Tensor forward(Tensor input) => F.embedding(input, weight);
}

public sealed class LayerNorm : Module<Tensor, Tensor>
{
    private readonly long[] _shape;
    private readonly double _eps;

    internal LayerNorm(long[] shape, double eps, bool affine, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(LayerNorm))
    {
        (_shape, _eps) = (shape, eps);
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

    public Parameter? weight { get; }

    public Parameter? bias { get; }

    public override Tensor forward(Tensor input) => F.layer_norm(input, _shape, weight, bias, _eps);
}

public sealed class GroupNorm : Module<Tensor, Tensor>
{
    private readonly long _groups;
    private readonly double _eps;

    internal GroupNorm(long groups, long channels, double eps, bool affine, Device? device, ScalarType? dtype)
        : base(nameof(GroupNorm))
    {
        (_groups, _eps) = (groups, eps);
        using var scope = NewDisposeScope();
        if (affine)
        {
            weight = new Parameter(ones([channels], dtype, device));
            bias = new Parameter(zeros([channels], dtype, device));
            register_parameter(nameof(weight), weight);
            register_parameter(nameof(bias), bias);
        }
    }

    public Parameter? weight { get; }

    public Parameter? bias { get; }

    public override Tensor forward(Tensor input) => F.group_norm(input, _groups, weight, bias, _eps);
}

public sealed class Conv2d : Module<Tensor, Tensor>
{
    private readonly long[] _stride;
    private readonly long[] _padding;
    private readonly long[] _dilation;
    private readonly long _groups;

    internal Conv2d(long inChannels, long outChannels, long kernel, long stride, long padding, long dilation, long groups, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(Conv2d))
    {
        (_stride, _padding, _dilation, _groups) = ([stride, stride], [padding, padding], [dilation, dilation], groups);
        var bound = 1 / Math.Sqrt(inChannels / groups * kernel * kernel);
        using var scope = NewDisposeScope();
        weight = new Parameter(empty([outChannels, inChannels / groups, kernel, kernel], dtype, device).uniform_(-bound, bound));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(empty([outChannels], dtype, device).uniform_(-bound, bound));
            register_parameter(nameof(bias), bias);
        }
    }

    public Parameter weight { get; }

    public Parameter? bias { get; }

    public override Tensor forward(Tensor input) => F.conv2d(input, weight, bias, _stride, _padding, _dilation, _groups);
}

public sealed class Dropout : Module<Tensor, Tensor>
{
    private readonly double _p;

    internal Dropout(double p)
        : base(nameof(Dropout)) => _p = p;

    public override Tensor forward(Tensor input) => F.dropout(input, _p, training);
}

/// <summary>A function of one tensor without parameters.</summary>
public sealed class Activation : Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _function;

    internal Activation(string name, Func<Tensor, Tensor> function)
        : base(name) => _function = function;

    public override Tensor forward(Tensor input) => _function(input);
}

public sealed class Sequential : Module<Tensor, Tensor>
{
    private readonly List<Module<Tensor, Tensor>> _parts = [];

    internal Sequential(IEnumerable<(string Name, Module<Tensor, Tensor> Part)> parts)
        : base(nameof(Sequential))
    {
        foreach (var (name, part) in parts)
        {
            append(name, part);
        }
    }

    public int Count => _parts.Count;

    public Module<Tensor, Tensor> this[int index] => _parts[index];

    public Sequential append(string name, Module<Tensor, Tensor> module)
    {
        _parts.Add(module);
        register_module(name, module);
        return this;
    }

    public Sequential append(Module<Tensor, Tensor> module) => append(_parts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), module);

    public override Tensor forward(Tensor input) => _parts.Aggregate(input, (value, part) => part.forward(value));
}

public sealed class ModuleList<T> : Module, IReadOnlyList<T>
    where T : Module
{
    private readonly List<T> _list = [];

    public ModuleList(params T[] modules)
        : base("ModuleList")
    {
        foreach (var module in modules)
        {
            Add(module);
        }
    }

    public int Count => _list.Count;

    public T this[int index] => _list[index];

    public void Add(T item)
    {
        register_module(_list.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), item);
        _list.Add(item);
    }

    public void append(T module) => Add(module);

    public IEnumerator<T> GetEnumerator() => _list.GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}
