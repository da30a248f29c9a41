using TorchSharp.Dispatch;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>One index of <c>tensor[…]</c>: a number, a range, a tensor, an ellipsis or a new axis.</summary>
public readonly struct TensorIndex
{
    private TensorIndex(Sort kind, long? start = null, long? stop = null, long? step = null, Tensor? tensor = null) =>
        (Kind, Start, Stop, Step, Indices) = (kind, start, stop, step, tensor);

    internal enum Sort
    {
        Single, Slice, Ellipsis, NewAxis, Tensor,
    }

    internal Sort Kind { get; }

    internal long? Start { get; }

    internal long? Stop { get; }

    internal long? Step { get; }

    internal Tensor? Indices { get; }

    public static TensorIndex Ellipsis => new(Sort.Ellipsis);

    public static TensorIndex Null => new(Sort.NewAxis);

    public static TensorIndex None => new(Sort.NewAxis);

    public static TensorIndex Colon => new(Sort.Slice);

    public static TensorIndex Single(long? index) => new(Sort.Single, index);

    public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new(Sort.Slice, start, stop, step);

    public static TensorIndex Slice(Range range) => new(Sort.Slice, From(range.Start), range.End is { IsFromEnd: true, Value: 0 } ? null : From(range.End));

    public static TensorIndex Tensor(Tensor tensor) => new(Sort.Tensor, tensor: tensor);

    public static implicit operator TensorIndex(long value) => Single(value);

    public static implicit operator TensorIndex(int value) => Single(value);

    public static implicit operator TensorIndex(Tensor value) => Tensor(value);

    public static implicit operator TensorIndex(Range range) => Slice(range);

    public static implicit operator TensorIndex((long? start, long? stop) range) => Slice(range.start, range.stop);

    private static long From(Index index) => index.IsFromEnd ? -index.Value : index.Value;
}

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>A view where only numbers, ranges and new axes are given; a copy where tensors are.</summary>
        public Tensor this[params TensorIndex[] indices]
        {
            get
            {
                var (view, tensors) = View(indices);
                return tensors is null ? view : Ops.index_Tensor.Call(view, Arg.Optional(tensors));
            }

            set
            {
                var (view, tensors) = View(indices);
                if (tensors is null)
                {
                    view.copy_(value);
                }
                else
                {
                    Ops.index_put_.Run(view, Arg.Optional(tensors), value, false);
                }
            }
        }

        public Tensor index(params TensorIndex[] indices) => this[indices];

        public Tensor index_put_(Tensor value, params TensorIndex[] indices)
        {
            this[indices] = value;
            return this;
        }

        private (Tensor View, Tensor?[]? Indices) View(TensorIndex[] indices)
        {
            var given = indices.Count(index => index.Kind is not (TensorIndex.Sort.Ellipsis or TensorIndex.Sort.NewAxis));
            if (given > dim())
            {
                throw new ArgumentException($"{given} indices for {Brief}");
            }

            var view = this;
            List<Tensor?>? tensors = null;
            var axis = 0L;
            foreach (var index in indices)
            {
                switch (index.Kind)
                {
                    case TensorIndex.Sort.Single:
                        view = view.select(axis, index.Start ?? 0);
                        break;
                    case TensorIndex.Sort.Slice:
                        view = view.slice(axis++, index.Start ?? 0, index.Stop ?? long.MaxValue, index.Step ?? 1);
                        break;
                    case TensorIndex.Sort.NewAxis:
                        view = view.unsqueeze(axis++);
                        break;
                    case TensorIndex.Sort.Ellipsis:
                        axis += dim() - given;
                        break;
                    default:
                        tensors ??= [];
                        while (tensors.Count < axis)
                        {
                            tensors.Add(null);
                        }

                        tensors.Add(index.Indices);
                        axis += index.Indices!.dtype == ScalarType.Bool ? index.Indices.dim() : 1;
                        break;
                }
            }

            return (ReferenceEquals(view, this) && tensors is null ? alias() : view, tensors is null ? null : [.. tensors]);
        }
    }
}
