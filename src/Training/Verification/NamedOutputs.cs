using System.Collections;
using System.Reflection;
using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Training.Verification;

/// <summary>A target's result by names.</summary>
internal static class NamedOutputs
{
    /// <summary>An <see cref="Outputs"/> or a JSON object by its names, a record by its properties; any other value is the one output that is expected.</summary>
    /// <exception cref="PlumblineException">One value came, and several outputs are expected.</exception>
    internal static Dictionary<string, object?> Of(object? result, IReadOnlyCollection<string> expected)
    {
        switch (result)
        {
            case Outputs outputs:
                var named = outputs.ToDictionary(pair => pair.Key, object? (pair) => pair.Value);
                if (outputs is Loss loss)
                {
                    named["loss"] = loss.Value;
                }

                return named;
            case JsonObject json:
                return json.ToDictionary(pair => pair.Key, object? (pair) => pair.Value);
            case not null when IsRecord(result):
                return Properties(result);
            default:
                return expected.Count == 1 ? new() { [expected.First()] = result }
                    : throw new PlumblineException($"the target gives one value, and the case expects {string.Join(", ", expected)}");
        }
    }

    /// <summary>Whether a value is a record of named values, not one value.</summary>
    internal static bool IsRecord(object value) =>
        value is not (Tensor or string or Enum or IEnumerable or JsonNode) && !value.GetType().IsPrimitive && value is not decimal;

    /// <summary>The public properties of a record, named as JSON names them.</summary>
    internal static Dictionary<string, object?> Properties(object record) => record.GetType()
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => property.GetIndexParameters().Length == 0)
        .ToDictionary(property => Naming.ToJson(property.Name), property => property.GetValue(record));
}
