using System.Runtime.CompilerServices;
using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor: memory, shape, dtype and device, and its place in the autograd graph.</summary>
    /// <remarks>A new tensor belongs to the thread's innermost dispose scope; one that belongs to none is freed by the garbage collector.</remarks>
    public partial class Tensor : IDisposable
    {
        private static long _live;
        private IntPtr _handle;

        internal Tensor(IntPtr handle)
        {
            _handle = handle;
            Interlocked.Increment(ref _live);
            DisposeScope.Current?.Add(this);
        }

        ~Tensor() => Free();

        /// <summary>Tensors alive in the process.</summary>
        public static long TotalCount => Interlocked.Read(ref _live);

        internal DisposeScope? Scope { get; set; }

        /// <summary>Where the scope keeps this tensor.</summary>
        internal int Place { get; set; }

        internal IntPtr Handle
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => _handle != IntPtr.Zero ? _handle : throw new ObjectDisposedException(nameof(Tensor), "this tensor was disposed of; was it made in a dispose scope that has ended? MoveToOuterDisposeScope() or DetachFromDisposeScope() keeps one");
        }

        /// <summary>Whether the tensor is gone.</summary>
        public bool IsInvalid => _handle == IntPtr.Zero;

        /// <summary>Wraps a handle that the caller owns.</summary>
        internal static Tensor Own(IntPtr handle) => new(handle == IntPtr.Zero ? throw new TorchException("the operator gave an undefined tensor") : handle);

        internal static Tensor? OwnOrNull(IntPtr handle) => handle == IntPtr.Zero ? null : new(handle);

        /// <summary>A second handle on the same tensor, for a subclass to own.</summary>
        internal IntPtr ShareHandle()
        {
            var shared = Native.plumb_share(Handle);
            GC.KeepAlive(this);
            return shared;
        }

        public void Dispose()
        {
            if (_handle == IntPtr.Zero)
            {
                return;
            }

            Scope?.Remove(this);
            Free();
            GC.SuppressFinalize(this);
        }

        /// <summary>Frees without telling the scope, which is ending.</summary>
        internal void DisposeFromScope()
        {
            Scope = null;
            Free();
            GC.SuppressFinalize(this);
        }

        /// <summary>Takes the tensor out of its scope, so that it lives on.</summary>
        public Tensor DetachFromDisposeScope()
        {
            Scope?.Remove(this);
            return this;
        }

        /// <summary>Hands the tensor to the scope around its own.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            if (Scope is { } scope)
            {
                scope.Remove(this);
                scope.Outer?.Add(this);
            }

            return this;
        }

        /// <summary>Hands the tensor to another scope.</summary>
        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            Scope?.Remove(this);
            other?.Add(this);
            return this;
        }

        /// <summary>Hands the tensor to the scope of another tensor.</summary>
        public Tensor MoveToOtherDisposeScope(Tensor other)
        {
            ArgumentNullException.ThrowIfNull(other);
            return MoveToOtherDisposeScope(other.Scope);
        }

        private void Free()
        {
            var handle = Interlocked.Exchange(ref _handle, IntPtr.Zero);
            if (handle != IntPtr.Zero)
            {
                Native.plumb_free(handle);
                Interlocked.Decrement(ref _live);
            }
        }
    }

    /// <summary>A scope that disposes of the tensors made in it when it ends.</summary>
    public static DisposeScope NewDisposeScope() => new();
}
