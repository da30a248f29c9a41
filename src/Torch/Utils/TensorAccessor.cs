using System.Collections;

namespace TorchSharp.Utils;

/// <summary>The elements of a tensor, counted in row-major order whatever its strides; writing reaches a CPU tensor's memory.</summary>
/// <remarks>Valid as long as the tensor. One that lives on another device is read through a copy.</remarks>
public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor _tensor;
    private readonly long[] _shape;
    private readonly long[] _strides;
    private readonly bool _contiguous;
    private readonly IntPtr _data;

    internal TensorAccessor(torch.Tensor tensor)
    {
        _tensor = tensor.device_type == DeviceType.CPU ? tensor : tensor.cpu();
        (_shape, _strides, _contiguous) = (_tensor.shape, _tensor.stride(), _tensor.is_contiguous());
        Count = _tensor.numel();
        _data = Count == 0 ? IntPtr.Zero : _tensor.DataPointer;
    }

    public long Count { get; }

    public bool IsReadOnly => false;

    /// <summary>One element, by an index a dimension or by one running index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index is negative or too large.</exception>
    public unsafe T this[params long[] indices]
    {
        get
        {
            var value = ((T*)_data)[Offset(indices)];
            GC.KeepAlive(_tensor);
            return value;
        }

        set
        {
            ((T*)_data)[Offset(indices)] = value;
            GC.KeepAlive(_tensor);
        }
    }

    public T[] ToArray()
    {
        var array = new T[Count];
        CopyTo(array);
        return array;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies the elements from <paramref name="tensorIndex"/> on, as far as both reach.</summary>
    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var target = array[arrayIndex..];
        var count = (int)Math.Min(target.Length, Count - tensorIndex);
        if (_contiguous && count > 0)
        {
            Elements(tensorIndex, count).CopyTo(target);
        }
        else
        {
            for (var i = 0; i < count; i++)
            {
                target[i] = this[tensorIndex + i];
            }
        }

        GC.KeepAlive(_tensor);
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    /// <summary>Writes elements from <paramref name="tensorIndex"/> on, as far as both reach.</summary>
    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var source = array[arrayIndex..];
        for (var i = 0; i < Math.Min(source.Length, Count - tensorIndex); i++)
        {
            this[tensorIndex + i] = source[i];
        }
    }

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Nothing to free: the memory is the tensor's.</summary>
    public void Dispose()
    {
    }

    private unsafe Span<T> Elements(long start, int count) => new((T*)_data + start, count);

    private long Offset(long[] indices)
    {
        if (indices.Length == 1 && _shape.Length != 1)
        {
            return _contiguous ? Checked(indices[0], Count) : Running(indices[0]);
        }

        if (indices.Length != _shape.Length)
        {
            throw new ArgumentException($"{indices.Length} indices for a tensor of {_shape.Length} dimensions");
        }

        var offset = 0L;
        for (var i = 0; i < indices.Length; i++)
        {
            offset += Checked(indices[i], _shape[i]) * _strides[i];
        }

        return offset;
    }

    private long Running(long index)
    {
        var (offset, left) = (0L, Checked(index, Count));
        for (var i = _shape.Length - 1; i >= 0; i--)
        {
            offset += left % _shape[i] * _strides[i];
            left /= _shape[i];
        }

        return offset;
    }

    private static long Checked(long index, long size) =>
        (ulong)index < (ulong)size ? index : throw new ArgumentOutOfRangeException(nameof(index), $"index {index} is outside a size of {size}");
}
