using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp.Dispatch;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public long[] shape => Sizes(strides: false);

        public long[] stride() => Sizes(strides: true);

        public long stride(int dim) => stride()[dim < 0 ? dim + this.dim() : dim];

        public long size(int dim) => shape[dim < 0 ? dim + this.dim() : dim];

        public long dim() => Facts.Rank;

        public long ndim => Facts.Rank;

        public long numel() => Facts.Numel;

        public long NumberOfElements => Facts.Numel;

        public long ElementSize => SizeOf(dtype);

        public ScalarType dtype => (ScalarType)Facts.Dtype;

        public Device device
        {
            get
            {
                var facts = Facts;
                return facts.DeviceType == 0 ? CPU : new Device((DeviceType)facts.DeviceType, facts.DeviceIndex);
            }
        }

        public DeviceType device_type => (DeviceType)Facts.DeviceType;

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_contiguous() => Facts.IsContiguous != 0;

        public bool is_leaf => Facts.IsLeaf != 0;

        public bool is_floating_point() => dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16;

        public bool is_integral() => dtype is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;

        internal unsafe NativeFacts Facts
        {
            get
            {
                NativeFacts facts;
                Native.Check(Native.plumb_facts(Handle, &facts), "tensor");
                GC.KeepAlive(this);
                return facts;
            }
        }

        /// <summary>dtype and shape, for messages.</summary>
        internal string Brief => IsInvalid ? "disposed" : $"{TypeName}[{string.Join(",", shape)}]";

        private string TypeName => dtype switch
        {
            ScalarType.Byte => "uint8",
            ScalarType.ComplexFloat32 => "complex64",
            ScalarType.ComplexFloat64 => "complex128",
            var other => other.ToString().ToLowerInvariant(),
        };

        /// <summary>The number in a tensor of one element.</summary>
        /// <exception cref="ArgumentException">There is not one element, or <typeparamref name="T"/> is not the tensor's dtype; ToDouble() and its like convert.</exception>
        public T item<T>()
            where T : unmanaged =>
            numel() == 1 ? data<T>()[0] : throw new ArgumentException($"{Brief} has {numel()} elements, and item takes a tensor of one");

        public Scalar ToScalar()
        {
            var real = Number(out var integer, out var whole);
            return Scalar.Of(real, integer, whole, dtype);
        }

        /// <summary>The elements, in place where the tensor is contiguous on the CPU, else of a copy.</summary>
        /// <exception cref="ArgumentException"><typeparamref name="T"/> is not the tensor's dtype.</exception>
        public TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            if (TypeOf<T>() != dtype)
            {
                throw new ArgumentException($"the tensor holds {dtype}, not {TypeOf<T>()}; convert it first with to_type");
            }

            return new TensorAccessor<T>(this);
        }

        /// <summary>The raw bytes of a contiguous CPU tensor.</summary>
        public unsafe Span<byte> bytes
        {
            get
            {
                if (device_type != DeviceType.CPU || !is_contiguous())
                {
                    throw new InvalidOperationException("only a contiguous tensor on the CPU shows its bytes; call cpu().contiguous() first");
                }

                return new Span<byte>((void*)DataPointer, checked((int)(numel() * ElementSize)));
            }

            set => value.CopyTo(bytes);
        }

        internal unsafe IntPtr DataPointer
        {
            get
            {
                void* data;
                Native.Check(Native.plumb_data(Handle, &data), "data");
                GC.KeepAlive(this);
                return (IntPtr)data;
            }
        }

        public override string ToString()
        {
            if (IsInvalid)
            {
                return "tensor (disposed)";
            }

            var text = new StringBuilder(Brief);
            if (device_type != DeviceType.CPU)
            {
                text.Append(" on ").Append(device);
            }

            if (numel() <= 32)
            {
                using var scope = NewDisposeScope();
                using var still = no_grad();
                using var flat = cpu().to_type(ScalarType.Float64).reshape(-1);
                text.Append(" {").AppendJoin(", ", flat.data<double>().Select(value => value.ToString("G6", CultureInfo.InvariantCulture))).Append('}');
            }

            return text.ToString();
        }

        private unsafe long[] Sizes(bool strides)
        {
            var values = new long[Facts.Rank];
            fixed (long* memory = values)
            {
                if (values.Length > 0 && strides)
                {
                    Native.plumb_strides(Handle, memory);
                }
                else if (values.Length > 0)
                {
                    Native.plumb_shape(Handle, memory);
                }
            }

            GC.KeepAlive(this);
            return values;
        }

        internal unsafe double Number(out long integer, out bool whole)
        {
            double real;
            long number;
            int isInteger;
            Native.Check(Native.plumb_item(Handle, &real, &number, &isInteger), $"item of {Brief}");
            GC.KeepAlive(this);
            (integer, whole) = (number, isInteger != 0);
            return real;
        }
    }
}
