using System.Collections;

namespace TorchSharp.Utils;

/// <summary>The elements of a tensor in row-major order.</summary>
/// <remarks>Valid as long as the tensor. A tensor that is not contiguous, or not on the CPU, is read through a copy; writing then does not reach it.</remarks>
public sealed class TensorAccessor<T> : IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor _tensor;
    private readonly IntPtr _data;
    private readonly int _count;

    internal TensorAccessor(torch.Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
        {
            using var still = torch.no_grad();
            tensor = tensor.cpu().contiguous();
        }

        _tensor = tensor;
        _count = checked((int)tensor.numel());
        _data = _count == 0 ? IntPtr.Zero : tensor.DataPointer;
    }

    public long Count => _count;

    public unsafe Span<T> AsSpan() => new((void*)_data, _count);

    public T this[params long[] indices]
    {
        get => AsSpan()[Offset(indices)];
        set => AsSpan()[Offset(indices)] = value;
    }

    public T[] ToArray()
    {
        var array = AsSpan().ToArray();
        GC.KeepAlive(_tensor);
        return array;
    }

    public void CopyTo(Span<T> target)
    {
        AsSpan().CopyTo(target);
        GC.KeepAlive(_tensor);
    }

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int Offset(long[] indices)
    {
        if (indices.Length == 1)
        {
            return checked((int)indices[0]);
        }

        var shape = _tensor.shape;
        var offset = 0L;
        for (var i = 0; i < shape.Length; i++)
        {
            offset = (offset * shape[i]) + indices[i];
        }

        return checked((int)offset);
    }
}
