using System.Globalization;

namespace Plumbline;

/// <summary>Named inputs of a pure function: tensors, and plain values beside them.</summary>
/// <remarks>Names are the papers' canonical ones, in snake_case. A batch owns nothing: whoever made the tensors disposes of them.</remarks>
public class Batch
{
    private readonly Dictionary<string, object> _values;

    /// <summary>A batch over named values; a tensor, number, text, JSON node or list each.</summary>
    public Batch(IEnumerable<KeyValuePair<string, object>> values) => _values = new(values, StringComparer.Ordinal);

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public Batch() => _values = new(StringComparer.Ordinal);

    /// <summary>The names at hand.</summary>
    public IReadOnlyCollection<string> Names => _values.Keys;

    /// <summary>A tensor that must be there.</summary>
    /// <exception cref="InvalidInputException">It is not; the message names it.</exception>
    public Tensor this[string name]
    {
        get => Find(name) ?? throw new InvalidInputException(
            Has(name) ? $"the input '{name}' is no tensor" : $"the input '{name}' is missing; this batch has {string.Join(", ", _values.Keys.Order(StringComparer.Ordinal))}");
        init => _values[name] = value;
    }

    /// <summary>A tensor, or null where it is absent.</summary>
    public Tensor? Find(string name) => _values.GetValueOrDefault(name) as Tensor;

    /// <summary>Whether a value of this name is at hand.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>A plain number, or null where it is absent.</summary>
    /// <exception cref="InvalidInputException">It is a text.</exception>
    public double? Number(string name) => _values.GetValueOrDefault(name) switch
    {
        null or Tensor => null,
        string => throw new InvalidInputException($"the input '{name}' is a text, and a number is needed"),
        IConvertible number => number.ToDouble(CultureInfo.InvariantCulture),
        _ => null,
    };

    /// <summary>A list of texts that must be there, one a row.</summary>
    /// <exception cref="InvalidInputException">It is not; the message names it.</exception>
    public IReadOnlyList<string> Texts(string name) => _values.GetValueOrDefault(name) as IReadOnlyList<string> ?? throw new InvalidInputException(
        Has(name) ? $"the input '{name}' is no list of texts" : $"the input '{name}' is missing; this batch has {string.Join(", ", _values.Keys.Order(StringComparer.Ordinal))}");

    /// <summary>Adds or replaces a value; a null leaves the batch as it was.</summary>
    public Batch With(string name, object? value)
    {
        if (value is not null)
        {
            _values[name] = value;
        }

        return this;
    }

    /// <summary>A batch of the same values in which every tensor is a constant but one.</summary>
    /// <param name="but">The one that keeps its gradient.</param>
    public Batch Constant(string but) => new(_values.Select(pair =>
        KeyValuePair.Create(pair.Key, pair.Key != but && pair.Value is Tensor tensor ? tensor.detach() : pair.Value)));

    /// <summary>Refuses inputs whose shapes differ from the first one's. Absent inputs are passed over.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>shape</c> and both names.</exception>
    public void RequireSameShape(params ReadOnlySpan<string> names)
    {
        var first = this[names[0]];
        foreach (var name in names[1..])
        {
            if (Find(name) is { } other && !other.shape.AsSpan().SequenceEqual(first.shape))
            {
                throw new InvalidInputException(
                    $"the shape of '{name}' is [{string.Join(',', other.shape)}], and '{names[0]}' has the shape [{string.Join(',', first.shape)}]; they must be equal");
            }
        }
    }

    /// <summary>Refuses inputs whose first dimension differs from the first one's.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>shape</c> and both names.</exception>
    public void RequireSameRows(params ReadOnlySpan<string> names)
    {
        var first = this[names[0]];
        foreach (var name in names[1..])
        {
            if (Find(name) is { } other && (other.dim() == 0 || first.dim() == 0 || other.shape[0] != first.shape[0]))
            {
                throw new InvalidInputException(
                    $"the shape of '{name}' is [{string.Join(',', other.shape)}], and the shape of '{names[0]}' is [{string.Join(',', first.shape)}]; both must have as many rows");
            }
        }
    }
}
