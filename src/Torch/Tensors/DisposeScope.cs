namespace TorchSharp;

/// <summary>Owns the tensors made on this thread until it ends.</summary>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic]
    private static DisposeScope? _current;
    private readonly List<torch.Tensor> _tensors = [];
    private DisposeScope? _outer;
    private bool _disposed;

    internal DisposeScope()
    {
        _outer = Current;
        _current = this;
    }

    internal static DisposeScope? Current => Open(ref _current);

    internal DisposeScope? Outer => Open(ref _outer);

    /// <summary>Tensors in the scope.</summary>
    public int DisposablesCount => _tensors.Count;

    /// <summary>A copy of the list of tensors in the scope.</summary>
    public IReadOnlyList<IDisposable> DisposablesView => [.. _tensors];

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

    public bool Contains(IDisposable disposable) => Own(disposable) is not null;

    /// <summary>Takes a tensor of this scope out of it, so that it lives on; a tensor of another scope stays there.</summary>
    public T Detach<T>(T disposable)
        where T : IDisposable
    {
        Own(disposable)?.DetachFromDisposeScope();
        return disposable;
    }

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (Detach(first), Detach(second));

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (Detach(first), Detach(second), Detach(third));

    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    public void Detach(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            Detach<IDisposable>(disposable);
        }
    }

    /// <summary>Hands a tensor of this scope to the scope around it.</summary>
    public T MoveToOuter<T>(T disposable)
        where T : IDisposable => MoveToOther(Outer, disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOuter(first), MoveToOuter(second));

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    public void MoveToOuter(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            MoveToOuter<IDisposable>(disposable);
        }
    }

    /// <summary>Hands a tensor of this scope to another; with null it lives on without a scope.</summary>
    public T MoveToOther<T>(DisposeScope? scope, T disposable)
        where T : IDisposable
    {
        Own(disposable)?.MoveToOtherDisposeScope(scope);
        return disposable;
    }

    /// <summary>Takes a tensor into this scope, wherever it was.</summary>
    public void Attach(IDisposable disposable) =>
        (disposable as torch.Tensor ?? throw new InvalidOperationException("a dispose scope holds tensors only")).MoveToOtherDisposeScope(this);

    /// <summary>Disposes of everything in the scope; the scope goes on.</summary>
    public void DisposeEverything()
    {
        foreach (var tensor in _tensors)
        {
            tensor.DisposeFromScope();
        }

        _tensors.Clear();
    }

    /// <summary>Disposes of everything in the scope but the tensors named.</summary>
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var keep = inKeep.ToHashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var tensor in _tensors.Where(tensor => !keep.Contains(tensor)).ToList())
        {
            tensor.Dispose();
        }
    }

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public T DisposeEverythingBut<T>(T keep)
        where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second, third]);
        return (first, second, third);
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        DisposeEverything();
    }

    // Scopes may end out of turn, or on another thread after an await; those that have ended are passed over.
    private static DisposeScope? Open(ref DisposeScope? scope)
    {
        while (scope is { _disposed: true })
        {
            scope = scope._outer;
        }

        return scope;
    }

    private torch.Tensor? Own(IDisposable disposable) => disposable is torch.Tensor tensor && tensor.Scope == this ? tensor : null;
}
