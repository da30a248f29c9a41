using System.Text.Json;

namespace Plumbline.Tests;

/// <summary>table.json: what PyTorch computes, as written by table.py.</summary>
internal static class ReferenceTable
{
    private static readonly Lazy<JsonElement> Root = new(() =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "table.json"))).RootElement);

    internal static IEnumerable<string> Names(string part) => Root.Value.GetProperty(part).EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!);

    internal static JsonElement Entry(string part, string name) =>
        Root.Value.GetProperty(part).EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);

    internal static Tensor Start(string name) => Read(Root.Value.GetProperty("start").GetProperty(name));

    internal static Tensor[] Tensors(JsonElement list) => [.. list.EnumerateArray().Select(Read)];

    private static Tensor Read(JsonElement written)
    {
        var type = written.GetProperty("type").GetString() switch
        {
            "float64" => ScalarType.Float64,
            "float32" => ScalarType.Float32,
            "int64" => ScalarType.Int64,
            "bool" => ScalarType.Bool,
            var other => throw new InvalidDataException($"table.json has the type {other}"),
        };
        long[] shape = [.. written.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        double[] values = [.. written.GetProperty("data").EnumerateArray().Select(Number)];
        return tensor(values, shape).to_type(type);
    }

    private static double Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => value.GetString() switch
        {
            "nan" => double.NaN,
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            var other => throw new InvalidDataException($"table.json has the number {other}"),
        },
    };
}
