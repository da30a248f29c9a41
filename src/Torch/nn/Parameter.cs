using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>A tensor that trains. It belongs to no dispose scope: its module disposes of it.</summary>
/// <remarks>TorchSharp leaves it in the scope of the tensor it was made from; <c>scope.Detach(parameters())</c> serves both.</remarks>
public class Parameter : Tensor
{
    public Parameter(Tensor data, bool requires_grad = true)
        : base(Detached(data))
    {
        DetachFromDisposeScope();
        this.requires_grad = requires_grad;
    }

    private static IntPtr Detached(Tensor data)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var detached = data.detach();
        return detached.ShareHandle();
    }
}
