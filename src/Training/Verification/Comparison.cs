using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Training.Verification;

/// <summary>Compares what came with what a vectors file expects.</summary>
/// <param name="rtol">Largest difference relative to the expected number.</param>
/// <param name="atol">Largest difference beside that.</param>
internal sealed class Comparison(double rtol, double atol)
{
    /// <summary>The first difference in words; null where there is none.</summary>
    /// <param name="where">The output's name, and the place within it.</param>
    /// <param name="expected">As the file has it: a tensor or a plain value.</param>
    /// <param name="actual">A tensor, a number, text or truth value, a list, a dictionary, a record or JSON.</param>
    internal string? Difference(string where, JsonNode? expected, object? actual)
    {
        if (actual is JsonNode json && !JsonTensor.Is(expected))
        {
            actual = Plain(json);
        }

        return (expected, actual) switch
        {
            (null, null) => null,
            (null, _) => $"{where}: expected null, got {Words(actual)}",
            (_, null) => $"{where}: expected {Words(expected)}, got null",
            (JsonObject tensor, _) when JsonTensor.Is(tensor) => OfTensor(where, tensor, actual),
            (JsonObject named, _) => OfNamed(where, named, actual),
            (JsonArray list, _) => OfList(where, list, actual),
            _ => OfValue(where, (JsonValue)expected, actual),
        };
    }

    private string? OfTensor(string where, JsonObject expected, object? actual)
    {
        var shape = JsonTensor.Shape(expected);
        if (actual is not Tensor tensor)
        {
            // A plain number or a list of them stands for a tensor of none or one dimension.
            return shape.Length switch
            {
                0 => Difference(where, expected["data"]![0], actual),
                1 => Difference(where, expected["data"], actual),
                _ => $"{where}: expected a tensor of shape [{string.Join(',', shape)}], got {Words(actual)}",
            };
        }

        var dtype = JsonTensor.DtypeOf(expected)!.Value;
        if (tensor.dtype != dtype)
        {
            return $"{where}: expected dtype {dtype}, got {tensor.dtype}; all inputs are Float64, and mathematics keeps its inputs' dtype";
        }

        if (!tensor.shape.AsSpan().SequenceEqual(shape))
        {
            return $"{where}: expected shape [{string.Join(',', shape)}], got [{string.Join(',', tensor.shape)}]";
        }

        return dtype switch
        {
            ScalarType.Float64 => First(JsonTensor.Doubles(expected), Elements<double>(tensor), Near),
            ScalarType.Int64 => First(JsonTensor.Longs(expected), Elements<long>(tensor), (a, b) => a == b),
            _ => First(JsonTensor.Bools(expected), Elements<bool>(tensor), (a, b) => a == b),
        };

        string? First<T>(T[] expectations, T[] values, Func<T, T, bool> same)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (!same(expectations[i], values[i]))
                {
                    return Unequal($"{where}{Index(i, shape)}", Words(expectations[i]), values[i]);
                }
            }

            return null;
        }
    }

    private string? OfNamed(string where, JsonObject expected, object? actual)
    {
        var named = actual switch
        {
            IDictionary dictionary => dictionary.Keys.Cast<object>().ToDictionary(key => key.ToString()!, key => dictionary[key]),
            not null when NamedOutputs.IsRecord(actual) => NamedOutputs.Properties(actual),
            _ => null,
        };
        if (named is null)
        {
            return $"{where}: expected named values, got {Words(actual)}";
        }

        var names = expected.Select(pair => pair.Key).ToHashSet();
        if (!names.SetEquals(named.Keys))
        {
            return $"{where}: expected the names {string.Join(", ", names.Order(StringComparer.Ordinal))}, got {string.Join(", ", named.Keys.Order(StringComparer.Ordinal))}";
        }

        return expected.Select(pair => Difference($"{where}.{pair.Key}", pair.Value, named[pair.Key])).FirstOrDefault(difference => difference is not null);
    }

    private string? OfList(string where, JsonArray expected, object? actual)
    {
        object?[]? items = actual switch
        {
            Tensor { dtype: ScalarType.Float64 } tensor when tensor.dim() == 1 => [.. Elements<double>(tensor).Cast<object?>()],
            Tensor { dtype: ScalarType.Int64 } tensor when tensor.dim() == 1 => [.. Elements<long>(tensor).Cast<object?>()],
            Tensor { dtype: ScalarType.Bool } tensor when tensor.dim() == 1 => [.. Elements<bool>(tensor).Cast<object?>()],
            IEnumerable list and not string and not Tensor => [.. list.Cast<object?>()],
            _ => null,
        };
        if (items is null || items.Length != expected.Count)
        {
            return $"{where}: expected a list of {expected.Count}, got {(items is null ? Words(actual) : $"{items.Length}")}";
        }

        return items.Select((item, i) => Difference($"{where}[{i}]", expected[i], item)).FirstOrDefault(difference => difference is not null);
    }

    private string? OfValue(string where, JsonValue expected, object? actual)
    {
        if (actual is Tensor { shape.Length: 0 } scalar)
        {
            actual = scalar.dtype switch { ScalarType.Bool => scalar.ToBoolean(), ScalarType.Int64 => scalar.ToInt64(), _ => scalar.to_type(ScalarType.Float64).ToDouble() };
        }

        var same = expected.GetValueKind() switch
        {
            JsonValueKind.String => expected.GetValue<string>() == (actual is Enum choice ? Naming.ToJson(choice.ToString()) : actual as string),
            JsonValueKind.True or JsonValueKind.False => actual is bool truth && truth == expected.GetValue<bool>(),
            _ when actual is int or long && expected.TryGetValue<long>(out var integer) => Convert.ToInt64(actual, CultureInfo.InvariantCulture) == integer,
            _ => actual is int or long or float or double && Near(expected.GetValue<double>(), Convert.ToDouble(actual, CultureInfo.InvariantCulture)),
        };
        return same ? null : Unequal(where, expected.ToJsonString(), actual);
    }

    private bool Near(double expected, double actual) => expected.Equals(actual) || Math.Abs(actual - expected) <= atol + (rtol * Math.Abs(expected));

    private string Unequal(string where, string expected, object? actual) =>
        string.Create(CultureInfo.InvariantCulture, $"{where}: expected {expected}, got {Words(actual)} (rtol {rtol:G3}, atol {atol:G3})");

    private static T[] Elements<T>(Tensor tensor)
        where T : unmanaged => [.. tensor.detach().contiguous().data<T>()];

    private static string Index(long flat, long[] shape)
    {
        var places = new long[shape.Length];
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            (flat, places[d]) = Math.DivRem(flat, shape[d]);
        }

        return shape.Length == 0 ? string.Empty : $"[{string.Join(',', places)}]";
    }

    private static object? Plain(JsonNode json) => json switch
    {
        JsonObject named => named.ToDictionary(pair => pair.Key, object? (pair) => pair.Value),
        JsonArray list => list.ToArray(),
        _ => json.GetValueKind() switch
        {
            JsonValueKind.String => json.GetValue<string>(),
            JsonValueKind.True or JsonValueKind.False => json.GetValue<bool>(),
            _ => ((JsonValue)json).TryGetValue<long>(out var integer) ? integer : ((JsonValue)json).TryGetValue<int>(out var small) ? small : json.GetValue<double>(),
        },
    };

    private static string Words(object? value) => value switch
    {
        null => "null",
        Tensor tensor => $"a {tensor.dtype} tensor of shape [{string.Join(',', tensor.shape)}]",
        JsonNode json => json.ToJsonString(),
        bool truth => truth ? "true" : "false",
        string text => $"\"{text}\"",
        IFormattable number => number.ToString("G10", CultureInfo.InvariantCulture),
        _ => $"a {value.GetType().Name}",
    };
}
