using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline;

/// <summary>A source of examples.</summary>
[Kind(Kinds.Data)]
public interface IData
{
    /// <summary>Reads or makes the examples; the same ones on every call.</summary>
    /// <exception cref="PlumblineException">The source is absent or malformed; the message names file and line, and the remedy.</exception>
    DataSet Load(RunContext run);
}

/// <summary>Examples to learn from and examples kept apart for evaluation.</summary>
/// <param name="Train">To learn from.</param>
/// <param name="HeldOut">Never learnt from; may be empty.</param>
public sealed record DataSet(IReadOnlyList<Example> Train, IReadOnlyList<Example> HeldOut);

/// <summary>One row of a data set.</summary>
/// <param name="Index">Its place in the source; chance is keyed by it, so it must not depend on filters or order.</param>
/// <param name="Columns">Its fields; the usual names are prompt, completion, answer, chosen, rejected.</param>
public sealed record Example(long Index, JsonObject Columns)
{
    /// <summary>A text field.</summary>
    /// <exception cref="PlumblineException">The row has no such text.</exception>
    public string Text(string column) => FindText(column)
        ?? throw new PlumblineException($"row {Index} of the data has no text '{column}'; it has {string.Join(", ", Columns.Select(pair => pair.Key))}");

    /// <summary>A number field, or null where the row has none.</summary>
    public double? FindNumber(string column) => AsNumber(Columns[column]);

    /// <summary>A number of JSON, whether it was read from a text or made as an int, a long or a double; null where it is none.</summary>
    public static double? AsNumber(JsonNode? node) => node is not JsonValue value || value.GetValueKind() != JsonValueKind.Number ? null
        : value.TryGetValue<double>(out var number) ? number : value.Deserialize<double>();

    /// <summary>A text field, or null where the row has none.</summary>
    public string? FindText(string column) => Columns[column] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
