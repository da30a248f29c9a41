using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Transformer;

/// <summary>Keys and values a layer, [rows, kv_heads, capacity, head width]; each row has read its own number of tokens.</summary>
internal sealed class Cache : IKeyValueCache
{
    private readonly (Tensor K, Tensor V)[] _layers;
    private readonly int _capacity;
    private int[] _lengths;

    internal Cache(TransformerOptions options, int rows, int capacity, Device device, ScalarType dtype)
    {
        _capacity = capacity;
        _lengths = new int[rows];
        // Zeros, not empty memory: a masked position is multiplied by a probability of 0, and 0 times NaN is NaN.
        Tensor New() => zeros([rows, options.KeyHeads, capacity, options.HeadWidth], dtype, device).DetachFromDisposeScope();
        _layers = [.. Enumerable.Range(0, options.Layers).Select(_ => (New(), New()))];
        LengthTensor = zeros([rows], ScalarType.Int64, device).DetachFromDisposeScope();
    }

    private Cache((Tensor K, Tensor V)[] layers, int capacity, int[] lengths, Tensor lengthTensor) =>
        (_layers, _capacity, _lengths, LengthTensor) = (layers, capacity, lengths, lengthTensor);

    /// <inheritdoc/>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <summary>[rows] int64.</summary>
    internal Tensor LengthTensor { get; private set; }

    /// <inheritdoc/>
    public IKeyValueCache Select(IReadOnlyList<int> rows)
    {
        using var still = no_grad();
        using var index = tensor(rows.Select(row => (long)row).ToArray(), device: LengthTensor.device);
        return new Cache(
            [.. _layers.Select(layer => (layer.K.index_select(0, index).DetachFromDisposeScope(), layer.V.index_select(0, index).DetachFromDisposeScope()))],
            _capacity,
            [.. rows.Select(row => _lengths[row])],
            LengthTensor.index_select(0, index).DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (k, v) in _layers)
        {
            k.Dispose();
            v.Dispose();
        }

        LengthTensor.Dispose();
    }

    internal (Tensor K, Tensor V) Layer(int index) => _layers[index];

    /// <summary>Refuses one more token where a row is full.</summary>
    internal void RequireRoom()
    {
        if (Array.FindIndex(_lengths, length => length >= _capacity) is var full and >= 0)
        {
            throw new PlumblineException($"row {full} of the key-value cache is full: it holds {_capacity} tokens");
        }
    }

    /// <summary>Refuses prompts that do not fit this cache or their own padding.</summary>
    internal void RequireRoom(long rows, long width, IReadOnlyList<int> lengths)
    {
        if (rows != _lengths.Length || lengths.Count != rows || width > _capacity || lengths.Any(length => length < 1 || length > width))
        {
            throw new PlumblineException(
                $"{rows} prompts of {lengths.Count} lengths from {lengths.Min()} to {lengths.Max()}, padded to {width} tokens, do not fit a key-value cache of {_lengths.Length} rows of {_capacity} tokens");
        }
    }

    /// <summary>Refuses further tokens that do not fit this cache or their own padding.</summary>
    internal void RequireMore(long rows, long width, IReadOnlyList<int> lengths)
    {
        if (rows != _lengths.Length || lengths.Count != rows || lengths.Any(length => length < 1 || length > width))
        {
            throw new PlumblineException($"{rows} rows of {lengths.Count} lengths, padded to {width} tokens, do not go on a key-value cache of {_lengths.Length} rows; each row needs at least 1 token");
        }

        if (Enumerable.Range(0, _lengths.Length).FirstOrDefault(row => _lengths[row] + lengths[row] > _capacity, -1) is var full and >= 0)
        {
            throw new PlumblineException($"row {full} of the key-value cache has {_lengths[full]} tokens and can't take {lengths[full]} more: it holds {_capacity}");
        }
    }

    internal void SetLengths(int[] lengths)
    {
        _lengths = lengths;
        var before = LengthTensor;
        LengthTensor = tensor(lengths.Select(length => (long)length).ToArray(), device: before.device).DetachFromDisposeScope();
        before.Dispose();
    }

    internal void Advance()
    {
        LengthTensor.add_(1);
        for (var i = 0; i < _lengths.Length; i++)
        {
            _lengths[i]++;
        }
    }
}
