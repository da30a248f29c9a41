using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>One index of <c>tensor[…]</c>: a number, a range, a tensor, an ellipsis or a new axis.</summary>
    public readonly struct TensorIndex
    {
        private TensorIndex(Sort kind, long? start = null, long? stop = null, long? step = null, torch.Tensor? tensor = null) =>
            (Kind, Start, Stop, Step, Indices) = (kind, start, stop, step, tensor);

        internal enum Sort
        {
            Single, Slice, Ellipsis, NewAxis, Tensor,
        }

        internal Sort Kind { get; }

        internal long? Start { get; }

        internal long? Stop { get; }

        internal long? Step { get; }

        internal torch.Tensor? Indices { get; }

        /// <summary>Axes that the index takes up: a mask as many as it has.</summary>
        internal long Axes => Kind is Sort.Ellipsis or Sort.NewAxis ? 0 : Indices is { dtype: ScalarType.Bool or ScalarType.Byte } mask ? mask.dim() : 1;

        public static readonly TensorIndex Ellipsis = new(Sort.Ellipsis);

        public static readonly TensorIndex None = new(Sort.NewAxis);

        public static readonly TensorIndex Null = new(Sort.NewAxis);

        public static readonly TensorIndex Colon = new(Sort.Slice);

        public static TensorIndex Single(long? index) => new(Sort.Single, index);

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new(Sort.Slice, start, stop, step);

        public static TensorIndex Slice((int? start, int? end) range) => Slice(range.start, range.end);

        public static TensorIndex Slice(Range range) => new(Sort.Slice, From(range.Start), range.End is { IsFromEnd: true, Value: 0 } ? null : From(range.End));

        public static TensorIndex Tensor(torch.Tensor tensor) => new(Sort.Tensor, tensor: tensor);

        public static implicit operator TensorIndex(long value) => Single(value);

        public static implicit operator TensorIndex(Index index) => Single(From(index));

        public static implicit operator TensorIndex(Range range) => Slice(range);

        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);

        private static long From(Index index) => index.IsFromEnd ? -index.Value : index.Value;
    }

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

            set => index_put_(value, indices, accumulate: false);
        }

        /// <summary>The elements at the places that tensors of indices name, or where truth values are true.</summary>
        public Tensor this[params Tensor[] indices]
        {
            get => this[At(indices)];
            set => this[At(indices)] = value;
        }

        /// <summary>A view of one place along the first axes.</summary>
        public Tensor this[params long[] indices]
        {
            get => this[At(indices)];
            set => this[At(indices)] = value;
        }

        public Tensor index(params TensorIndex[] indices) => this[indices];

        public Tensor index(params Tensor[] indices) => this[indices];

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, accumulate: false);

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, At(indices), accumulate: false);

        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) => index_put_(value, At(indices), accumulate);

        /// <summary>Writes values to the places named; adds them where <paramref name="accumulate"/> is set.</summary>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            var (view, tensors) = View(indices);
            if (tensors is not null)
            {
                Ops.index_put_.Run(view, Arg.Optional(tensors), value, accumulate);
            }
            else if (accumulate)
            {
                view.add_(value);
            }
            else
            {
                view.copy_(value);
            }

            return this;
        }

        private static TensorIndex[] At(Tensor[] indices) => [.. indices.Select(TensorIndex.Tensor)];

        private static TensorIndex[] At(long[] indices) => [.. indices.Select(index => TensorIndex.Single(index))];

        private (Tensor View, Tensor?[]? Indices) View(TensorIndex[] indices)
        {
            var given = indices.Sum(index => index.Axes);
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
                        axis += index.Axes;
                        break;
                }
            }

            return (ReferenceEquals(view, this) && tensors is null ? alias() : view, tensors is null ? null : [.. tensors]);
        }
    }
}
