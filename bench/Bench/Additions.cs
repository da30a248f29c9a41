using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Bench;

/// <summary>100,000 additions of two tensors of 4 elements: what a call costs.</summary>
/// <remarks>Each sum is dropped at once, as Python's reference counting drops it: <c>using</c> is C#'s way to say so.</remarks>
internal sealed class Additions : Work
{
    private const int Count = 100_000;
    private readonly Tensor _a = randn(4);
    private readonly Tensor _b = randn(4);

    internal Additions()
        : base(Count, runs: 3)
    {
    }

    internal override double Step()
    {
        for (var i = 0; i < Count; i++)
        {
            using var sum = _a + _b;
        }

        return 0;
    }

    public override void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }
}
