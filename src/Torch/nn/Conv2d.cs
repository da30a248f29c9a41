using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Modules;

/// <summary>A bank of two-dimensional filters, [out,in/groups,kh,kw] over [N,in,H,W].</summary>
public sealed class Conv2d : Module<Tensor, Tensor>
{
    private Parameter? _weight;
    private Parameter? _bias;

    internal Conv2d(long inChannels, long outChannels, (long, long) kernel, (long, long) stride, (long, long) padding, (long, long) dilation, PaddingModes mode, long groups, bool hasBias, Device? device, ScalarType? dtype)
        : base(nameof(Conv2d))
    {
        (in_channels, out_channels, this.groups, padding_mode) = (inChannels, outChannels, groups, mode);
        (kernel_size, this.stride, this.padding, this.dilation) = (Both(kernel), Both(stride), Both(padding), Both(dilation));
        var bound = 1 / Math.Sqrt(inChannels / groups * kernel.Item1 * kernel.Item2);
        using var scope = NewDisposeScope();
        weight = new Parameter(empty([outChannels, inChannels / groups, kernel.Item1, kernel.Item2], dtype, device).uniform_(-bound, bound));
        if (hasBias)
        {
            bias = new Parameter(empty([outChannels], dtype, device).uniform_(-bound, bound));
        }
    }

    public long in_channels { get; }

    public long out_channels { get; }

    public long groups { get; set; }

    public long[] kernel_size { get; set; }

    public long[] stride { get; set; }

    public long[]? padding { get; }

    public long[] dilation { get; set; }

    public PaddingModes padding_mode { get; set; }

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

    public override Tensor forward(Tensor input)
    {
        if (padding_mode == PaddingModes.Zeros)
        {
            return F.conv2d(input, weight, bias, stride, padding, dilation, groups);
        }

        var padded = F.pad(input, [padding![1], padding[1], padding[0], padding[0]], padding_mode);
        return F.conv2d(padded, weight, bias, stride, [0, 0], dilation, groups);
    }

    private static long[] Both((long, long) pair) => [pair.Item1, pair.Item2];
}
