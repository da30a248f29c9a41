using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Plumbline.Options;

namespace Plumbline.Host.Manifests;

/// <summary>One <c>--set path=value</c>: a change to a manifest before it is bound.</summary>
internal sealed partial class Override
{
    private const string Use = "use";
    private readonly string _text;
    private readonly object[] _path;
    private readonly JsonNode? _value;

    private Override(string text, object[] path, JsonNode? value) => (_text, _path, _value) = (text, path, value);

    /// <summary>Reads <c>stages[1].beta=0.2</c>. The value is JSON where it is valid JSON, else text.</summary>
    /// <exception cref="ManifestException">It has no <c>=</c>, or the path is malformed.</exception>
    internal static Override Parse(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0)
        {
            throw new ManifestException($"--set {text}: expected path=value, such as stages[1].learning_rate=1e-4");
        }

        var path = text[..at].Trim();
        path = path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path;
        if (!Path().IsMatch(path))
        {
            throw new ManifestException($"--set {text}: '{path}' is no path; write names joined by dots and places in brackets, such as stages[1].sampler.temperature");
        }

        return new Override(text, [.. Step().Matches(path).Select(object (step) =>
            step.Groups[2].Success ? int.Parse(step.Groups[2].Value, CultureInfo.InvariantCulture) : step.Groups[1].Value)], Value(text[(at + 1)..]));
    }

    /// <summary>Changes a manifest in place.</summary>
    /// <exception cref="ManifestException">A place is not there, or something on the way is no object.</exception>
    internal void Apply(JsonObject manifest)
    {
        JsonNode current = manifest;
        for (var i = 0; i < _path.Length - 1; i++)
        {
            current = Into(current, i);
        }

        switch (current, _path[^1])
        {
            case (JsonObject target, string name):
                target[name] = _value?.DeepClone();
                break;
            case (JsonArray list, int place) when place < list.Count:
                list[place] = _value?.DeepClone();
                break;
            case (JsonArray list, int place) when place == list.Count:
                list.Add(_value?.DeepClone());
                break;
            case (JsonArray list, int place):
                throw Error($"there is no place {place}; the list has {list.Count}");
            default:
                throw Error($"{Where(_path.Length - 1)} is {(current is JsonArray ? "a list: name a place, such as [0]" : "no list")}");
        }
    }

    private JsonNode Into(JsonNode current, int step)
    {
        switch (current, _path[step])
        {
            case (JsonObject target, string name):
                target[name] = Opened(target[name]) ?? throw Error($"{Where(step + 1)} is a value, not an object");
                return target[name]!;
            case (JsonArray list, int place) when place < list.Count:
                list[place] = Opened(list[place]) ?? throw Error($"{Where(step + 1)} is a value, not an object");
                return list[place]!;
            case (JsonArray list, int place):
                throw Error($"there is no place {place}; the list has {list.Count}");
            default:
                throw Error($"{Where(step)} is {(current is JsonArray ? "a list: name a place, such as [0]" : "no list")}");
        }
    }

    /// <summary>A node with room for keys: a part written as its id alone becomes an object, nothing an empty one. Null for another value.</summary>
    private static JsonNode? Opened(JsonNode? node) => node switch
    {
        null => new JsonObject(),
        JsonValue value when value.TryGetValue<string>(out var id) => new JsonObject { [Use] = id },
        JsonValue => null,
        // A node has one parent: what stays where it is must be set anew as a copy.
        _ => node.DeepClone(),
    };

    private string Where(int steps)
    {
        var text = string.Concat(_path.Take(steps).Select(step => step is int place ? $"[{place}]" : $".{step}"));
        return "$" + text;
    }

    private ManifestException Error(string message) => new($"--set {_text}: {message}");

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    [GeneratedRegex(@"^[A-Za-z_$][\w$-]*(\[\d{1,6}\])*(\.[A-Za-z_$][\w$-]*(\[\d{1,6}\])*)*$")]
    private static partial Regex Path();

    [GeneratedRegex(@"([A-Za-z_$][\w$-]*)|\[(\d+)\]")]
    private static partial Regex Step();
}
