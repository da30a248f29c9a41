using System.Collections;

namespace Plumbline;

/// <summary>Named results of a pure function: tensors, numbers, lists.</summary>
/// <example><c>new Outputs { ["advantages"] = advantages, ["reward_mean"] = mean }</c></example>
public class Outputs : IEnumerable<KeyValuePair<string, object>>
{
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    /// <summary>A result by name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    public object this[string name]
    {
        get => _values.TryGetValue(name, out var value) ? value
            : throw new KeyNotFoundException($"there is no output '{name}'; there are {string.Join(", ", _values.Keys)}");
        set => _values[name] = value;
    }

    /// <summary>A tensor by name.</summary>
    /// <exception cref="KeyNotFoundException">There is no tensor of this name.</exception>
    public Tensor Tensor(string name) => this[name] as Tensor ?? throw new KeyNotFoundException($"the output '{name}' is no tensor");

    /// <summary>Whether there is a result of this name.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _values.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>What an objective returns: the scalar to minimise, and what it tells about the batch.</summary>
/// <param name="value">[] the loss; carries the gradient.</param>
/// <remarks>
/// The named results are metrics: a scalar is logged as it is, a tensor by its mean. They carry no gradient.
/// <c>new Loss(loss) { ["accuracy"] = accuracy }</c>
/// </remarks>
public sealed class Loss(Tensor value) : Outputs
{
    /// <summary>[] the scalar to minimise.</summary>
    public Tensor Value { get; } = value;
}
