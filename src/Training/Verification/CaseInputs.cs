using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Plumbline.Options;

namespace Plumbline.Training.Verification;

/// <summary>The inputs of one case, as values that a method takes.</summary>
internal sealed class CaseInputs
{
    private static readonly JsonSerializerOptions Plain = new()
    {
        PropertyNamingPolicy = new SnakeCase(),
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(new SnakeCase(), allowIntegerValues: false) },
    };

    private readonly JsonObject _json;
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Makes the tensors of a case; those that have a gradient to compare require one.</summary>
    internal CaseInputs(VectorCase @case)
    {
        _json = @case.Inputs;
        foreach (var (name, value) in _json.Where(pair => JsonTensor.Is(pair.Value)))
        {
            _tensors[name] = JsonTensor.Make(value!, @case.Grads.ContainsKey(name));
        }
    }

    internal IEnumerable<string> Names => _json.Select(pair => pair.Key);

    internal bool Has(string name) => _json.ContainsKey(name);

    internal Tensor Tensor(string name) => _tensors[name];

    /// <summary>Everything as a batch: tensors as such, plain numbers, texts and truth values as such, the rest as JSON.</summary>
    internal IEnumerable<KeyValuePair<string, object>> Values
    {
        get
        {
            foreach (var (name, value) in _json)
            {
                if (_tensors.TryGetValue(name, out var tensor))
                {
                    yield return new(name, tensor);
                }
                else if (value is not null)
                {
                    // Typed: else the common type of these is JsonNode, by its implicit conversions.
                    yield return new(name, value.GetValueKind() switch
                    {
                        JsonValueKind.Number => (object)value.GetValue<double>(),
                        JsonValueKind.String => value.GetValue<string>(),
                        JsonValueKind.True or JsonValueKind.False => value.GetValue<bool>(),
                        _ => value,
                    });
                }
            }
        }
    }

    /// <summary>An input as a parameter's type.</summary>
    /// <exception cref="InvalidInputException">It doesn't fit; the message names it.</exception>
    internal object? As(string name, Type type) =>
        type == typeof(Tensor) && _tensors.TryGetValue(name, out var tensor) ? tensor : Convert(_json[name], type, name);

    private static object? Convert(JsonNode? json, Type type, string name)
    {
        if (json is null)
        {
            return type.IsValueType && Nullable.GetUnderlyingType(type) is null ? throw Misfit(json, type, name) : null;
        }

        if (type == typeof(Tensor))
        {
            return JsonTensor.Is(json) ? JsonTensor.Make(json) : throw Misfit(json, type, name);
        }

        if (HoldsTensors(type) && json is JsonArray list)
        {
            return list.Select((item, i) => (Tensor)Convert(item, typeof(Tensor), $"{name}[{i}]")!).ToArray();
        }

        if (HoldsTensors(type) && json is JsonObject named)
        {
            return named.ToDictionary(pair => pair.Key, pair => (Tensor)Convert(pair.Value, typeof(Tensor), $"{name}.{pair.Key}")!);
        }

        try
        {
            // A tensor of one dimension also fits a list of numbers.
            return (JsonTensor.Is(json) && !typeof(JsonNode).IsAssignableFrom(type) ? json["data"] : json).Deserialize(type, Plain);
        }
        catch (Exception misfit) when (misfit is JsonException or NotSupportedException)
        {
            throw Misfit(json, type, name, misfit);
        }
    }

    private static bool HoldsTensors(Type type) =>
        type.GetElementType() == typeof(Tensor) || (type.IsGenericType && type.GetGenericArguments()[^1] == typeof(Tensor));

    private static InvalidInputException Misfit(JsonNode? json, Type type, string name, Exception? inner = null)
    {
        var found = json?.ToJsonString() ?? "null";
        return new($"the input '{name}' must be a {type.Name}, and is {(found.Length > 60 ? found[..60] + "…" : found)}", inner!);
    }

    private sealed class SnakeCase : JsonNamingPolicy
    {
        public override string ConvertName(string name) => Naming.ToJson(name);
    }
}
