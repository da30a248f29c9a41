using System.Collections;
using System.Globalization;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Modules;

/// <summary>Modules in a row: each takes what the one before gave.</summary>
public class Sequential : Module<Tensor, Tensor>
{
    private readonly List<IModule<Tensor, Tensor>> _parts = [];

    protected internal Sequential(params (string name, Module<Tensor, Tensor>)[] modules)
        : base(nameof(Sequential))
    {
        foreach (var (name, part) in modules)
        {
            append(name, part);
        }
    }

    protected internal Sequential(params Module<Tensor, Tensor>[] modules)
        : base(nameof(Sequential))
    {
        foreach (var part in modules)
        {
            append(part);
        }
    }

    public int Count => _parts.Count;

    public IModule<Tensor, Tensor> this[int index] => _parts[index];

    public Sequential append(string name, IModule<Tensor, Tensor> module)
    {
        register_module(name, module as Module ?? throw new ArgumentException("a part of a Sequential is a Module"));
        _parts.Add(module);
        return this;
    }

    public Sequential append(IModule<Tensor, Tensor> module) => append(_parts.Count.ToString(CultureInfo.InvariantCulture), module);

    /// <summary>An empty row gives its input again, as a tensor of its own.</summary>
    public override Tensor forward(Tensor tensor) => _parts.Count == 0 ? tensor.alias() : _parts.Aggregate(tensor, (value, part) => part.call(value));
}

/// <summary>A list of modules, named by their places.</summary>
public class ModuleList<T> : Module, IList<T>
    where T : Module
{
    private readonly List<T> _list = [];

    public ModuleList(params T[] modules)
        : base("ModuleList") => extend(modules);

    public int Count => _list.Count;

    public bool IsReadOnly => false;

    public T this[int index]
    {
        get => _list[index];
        set
        {
            _list[index] = value;
            Rename();
        }
    }

    public void Add(T item)
    {
        register_module(_list.Count.ToString(CultureInfo.InvariantCulture), item);
        _list.Add(item);
    }

    public void append(params T[] parameters) => extend(parameters);

    public void extend(IEnumerable<T> modules)
    {
        foreach (var module in modules)
        {
            Add(module);
        }
    }

    public void Clear()
    {
        _list.Clear();
        Rename();
    }

    public bool Contains(T item) => _list.Contains(item);

    public void CopyTo(T[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);

    public int IndexOf(T item) => _list.IndexOf(item);

    public void Insert(int index, T item)
    {
        _list.Insert(index, item);
        Rename();
    }

    public bool Remove(T item)
    {
        var removed = _list.Remove(item);
        Rename();
        return removed;
    }

    public void RemoveAt(int index)
    {
        _list.RemoveAt(index);
        Rename();
    }

    public IEnumerator<T> GetEnumerator() => _list.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The parts are registered already, each by its place.</summary>
    protected override void RegisterComponents()
    {
    }

    private void Rename()
    {
        ForgetModules();
        for (var i = 0; i < _list.Count; i++)
        {
            register_module(i.ToString(CultureInfo.InvariantCulture), _list[i]);
        }
    }
}
