using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Plumbline.Training.Verification;

/// <summary>Tensors as vectors files write them: <c>{ "dtype": "float64", "shape": [2, 3], "data": [ … ] }</c>, row-major.</summary>
internal static class JsonTensor
{
    /// <summary>The dtype of a node that is a tensor; null where it is a plain value.</summary>
    internal static ScalarType? DtypeOf(JsonNode? node) =>
        node is JsonObject json && json["dtype"] is JsonValue dtype && dtype.TryGetValue<string>(out var name) && json["shape"] is JsonArray && json["data"] is JsonArray
            ? name switch { "float64" => ScalarType.Float64, "int64" => ScalarType.Int64, "bool" => ScalarType.Bool, _ => null } : null;

    /// <summary>Whether a node is a tensor.</summary>
    internal static bool Is(JsonNode? node) => DtypeOf(node) is not null;

    /// <summary>The shape of a tensor node.</summary>
    internal static long[] Shape(JsonNode node) => node["shape"].Deserialize<long[]>()!;

    /// <summary>The elements of a float64 tensor node.</summary>
    internal static double[] Doubles(JsonNode node) => node["data"].Deserialize<double[]>()!;

    /// <summary>The elements of an int64 tensor node.</summary>
    internal static long[] Longs(JsonNode node) => node["data"].Deserialize<long[]>()!;

    /// <summary>The elements of a bool tensor node.</summary>
    internal static bool[] Bools(JsonNode node) => node["data"].Deserialize<bool[]>()!;

    /// <summary>Makes the tensor.</summary>
    internal static Tensor Make(JsonNode node, bool requiresGrad = false) => DtypeOf(node) switch
    {
        ScalarType.Float64 => tensor(Doubles(node), Shape(node), requires_grad: requiresGrad),
        ScalarType.Int64 => tensor(Longs(node), Shape(node)),
        ScalarType.Bool => tensor(Bools(node), Shape(node)),
        _ => throw new InvalidInputException("the value is no tensor: it has no dtype, shape and data"),
    };

    /// <summary>Refuses a malformed tensor, however deep it lies.</summary>
    /// <exception cref="PlumblineException">The message begins with <paramref name="where"/>.</exception>
    internal static void Check(JsonNode? node, string where)
    {
        switch (node)
        {
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    Check(list[i], $"{where}[{i}]");
                }

                break;
            case JsonObject json when json.ContainsKey("dtype"):
                CheckTensor(json, where);
                break;
            case JsonObject json:
                foreach (var (key, value) in json)
                {
                    Check(value, $"{where}.{key}");
                }

                break;
        }
    }

    private static void CheckTensor(JsonObject json, string where)
    {
        var dtype = DtypeOf(json) ?? throw new PlumblineException($"{where}: a tensor has a dtype (float64, int64 or bool), a shape and data; this one's dtype is {json["dtype"]?.ToJsonString()}");
        try
        {
            var shape = Shape(json);
            var count = dtype switch { ScalarType.Float64 => Doubles(json).Length, ScalarType.Int64 => Longs(json).Length, _ => Bools(json).Length };
            if (shape.Aggregate(1L, (product, size) => product * size) != count)
            {
                throw new PlumblineException($"{where}: the shape [{string.Join(',', shape)}] does not hold {count} numbers");
            }
        }
        catch (JsonException wrong)
        {
            throw new PlumblineException($"{where}: {wrong.Message}", wrong);
        }
    }
}
