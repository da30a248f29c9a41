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
        public Tensor MoveToOtherDisposeScope(DisposeScope? scope)
        {
            Scope?.Remove(this);
            scope?.Add(this);
            return this;
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

/// <summary>Owns the tensors made on this thread until it ends.</summary>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic]
    private static DisposeScope? _current;
    private readonly List<torch.Tensor> _tensors = [];
    private bool _disposed;

    internal DisposeScope()
    {
        Outer = _current;
        _current = this;
    }

    internal static DisposeScope? Current => _current;

    internal DisposeScope? Outer { get; private set; }

    /// <summary>Tensors in the scope.</summary>
    public int DisposablesCount => _tensors.Count;

    internal void Add(torch.Tensor tensor)
    {
        tensor.Scope = this;
        tensor.Place = _tensors.Count;
        _tensors.Add(tensor);
    }

    internal void Remove(torch.Tensor tensor)
    {
        var last = _tensors[^1];
        _tensors[tensor.Place] = last;
        last.Place = tensor.Place;
        _tensors.RemoveAt(_tensors.Count - 1);
        tensor.Scope = null;
    }

    /// <summary>Takes a tensor out of the scope, so that it lives on.</summary>
    public T Detach<T>(T tensor)
        where T : torch.Tensor
    {
        tensor.DetachFromDisposeScope();
        return tensor;
    }

    /// <summary>Hands a tensor to the scope around this one.</summary>
    public T MoveToOuter<T>(T tensor)
        where T : torch.Tensor
    {
        tensor.MoveToOuterDisposeScope();
        return tensor;
    }

    /// <summary>Disposes of everything in the scope but the tensors named.</summary>
    public void DisposeEverythingBut(params torch.Tensor[] keep)
    {
        foreach (var tensor in _tensors.Except(keep).ToList())
        {
            tensor.Dispose();
        }
    }

    /// <summary>Disposes of everything in the scope; the scope goes on.</summary>
    public void DisposeEverything()
    {
        foreach (var tensor in _tensors)
        {
            tensor.DisposeFromScope();
        }

        _tensors.Clear();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        DisposeEverything();
        // Scopes end in the order they began, innermost first; one that ends out of turn only leaves the chain.
        if (_current == this)
        {
            _current = Outer;
        }
        else
        {
            for (var scope = _current; scope is not null; scope = scope.Outer)
            {
                if (scope.Outer == this)
                {
                    scope.Outer = Outer;
                }
            }
        }
    }
}
