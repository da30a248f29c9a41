using System.Reflection;
using System.Text.Json.Nodes;
using Plumbline.Host.Plugins;
using Plumbline.Options;

namespace Plumbline.Host.Manifests;

/// <summary>The JSON schema of manifests over the installed plugins, for editors: from options records, attributes and comments.</summary>
internal sealed class ManifestSchema(PartRegistry registry)
{
    private const string Dialect = "https://json-schema.org/draft/2020-12/schema";
    private readonly JsonObject _definitions = [];
    private readonly Dictionary<string, XmlSummaries> _summaries = new(StringComparer.Ordinal);
    private readonly List<string> _left = [];
    private readonly JsonArray _complete = [];

    /// <summary>Parts that are not in the schema because their plugin can't be loaded, with the reason.</summary>
    internal IReadOnlyList<string> LeftOut => _left;

    /// <summary>Makes the schema. Loads every plugin that is not broken.</summary>
    internal JsonObject Make()
    {
        foreach (var kind in registry.Catalog.Kinds.Where(kind => kind is not Kinds.Algorithm))
        {
            _definitions[kind] = new JsonObject { ["anyOf"] = new JsonArray([.. PartsOf(kind)]) };
        }

        var schema = Record(typeof(Manifest), []);
        schema["properties"]!["$schema"] = new JsonObject { ["type"] = "string" };
        var whole = new JsonObject { ["$schema"] = Dialect, ["title"] = "Plumbline manifest" };
        foreach (var (key, value) in schema)
        {
            whole[key] = value?.DeepClone();
        }

        // Where the stages share no defaults, each must be complete by itself.
        whole["if"] = new JsonObject { ["not"] = new JsonObject { ["required"] = new JsonArray("defaults") } };
        whole["then"] = new JsonObject { ["properties"] = new JsonObject { ["stages"] = new JsonObject { ["items"] = new JsonObject { ["allOf"] = _complete } } } };
        whole["$defs"] = _definitions;
        return whole;
    }

    private IEnumerable<JsonNode> PartsOf(string kind)
    {
        var ids = registry.Ids(kind).Select(id => (Kind: kind, Id: id));
        if (kind == Kinds.Loop)
        {
            // An algorithm stands where a loop is wanted, and hides a loop of the same name.
            var algorithms = registry.Ids(Kinds.Algorithm);
            ids = algorithms.Select(id => (Kinds.Algorithm, id)).Concat(ids.Where(part => !algorithms.Contains(part.Id)));
        }

        var shortForms = new JsonArray();
        foreach (var (partKind, id) in ids)
        {
            JsonObject schema;
            try
            {
                schema = Part(registry.Find(partKind, id)!);
            }
            catch (PlumblineException broken)
            {
                _left.Add(broken.Message);
                continue;
            }
            catch (TargetInvocationException broken)
            {
                // An options record that can't be made.
                _left.Add($"{partKind} '{id}': {broken.InnerException!.Message}");
                continue;
            }

            if (kind == Kinds.Loop)
            {
                Complete(id, schema);
            }

            shortForms.Add(id);
            yield return schema;
        }

        if (shortForms.Count > 0)
        {
            yield return new JsonObject { ["enum"] = shortForms };
        }
    }

    /// <summary>Takes what a stage must have out of its schema, to be asked for where nothing else can give it.</summary>
    private void Complete(string id, JsonObject stage)
    {
        var required = stage["required"]!.AsArray();
        stage["required"] = new JsonArray("use");
        if (required.Count > 1)
        {
            var named = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["use"] = new JsonObject { ["const"] = id } }, ["required"] = new JsonArray("use") };
            _complete.Add(new JsonObject
            {
                ["if"] = new JsonObject { ["anyOf"] = new JsonArray(new JsonObject { ["const"] = id }, named) },
                ["then"] = new JsonObject { ["type"] = "object", ["required"] = required.DeepClone() },
            });
        }
    }

    private JsonObject Part(PartDescriptor part)
    {
        var defaults = part.Defaults;
        var schema = part.OptionsType is null ? Empty() : Record(part.OptionsType, defaults);
        if (part.Loop is { } loopId && registry.Find(Kinds.Loop, loopId) is { OptionsType: { } loopOptions } loop)
        {
            var stage = Record(loopOptions, [.. defaults, .. loop.Defaults]);
            foreach (var (name, property) in schema["properties"]!.AsObject().ToList())
            {
                stage["properties"]![name] = property?.DeepClone();
            }

            // The algorithm fills this slot itself; a manifest may still replace it.
            foreach (var name in stage["required"]!.AsArray().Where(name => (string?)name == part.Slot).ToList())
            {
                stage["required"]!.AsArray().Remove(name);
            }

            schema = stage;
        }

        schema["properties"]!["use"] = new JsonObject { ["const"] = part.Id, ["description"] = SummaryOf(part.Type) };
        schema["required"]!.AsArray().Add("use");
        return schema;
    }

    private JsonObject Record(Type type, IReadOnlyList<DefaultAttribute> defaults)
    {
        var schema = Empty();
        foreach (var option in OptionDescription.Of(type, defaults))
        {
            var property = Value(option.Property.PropertyType, option.Property);
            if (option.SlotKind is { } kind && option.Default is JsonValue named && named.TryGetValue<string>(out var usual) && Find(kind, usual) is { } part)
            {
                // Options without a name are meant for the part that would stand here anyway.
                var nameless = Part(part);
                nameless["required"]!.AsArray().Remove(nameless["required"]!.AsArray().First(name => (string?)name == "use"));
                property = new JsonObject { ["anyOf"] = new JsonArray(property, nameless) };
            }

            property["description"] = Summaries(option.Property.DeclaringType!.Assembly).OfProperty(option.Property);
            if (option.Default is { } value)
            {
                property["default"] = value.DeepClone();
            }

            schema["properties"]![option.Name] = property;
            if (option.Required)
            {
                schema["required"]!.AsArray().Add(option.Name);
            }
        }

        return schema;
    }

    /// <summary>The part, or null where it is not installed or can't be used.</summary>
    private PartDescriptor? Find(string kind, string id)
    {
        try
        {
            return registry.Find(kind, id);
        }
        catch (PlumblineException)
        {
            return null;
        }
    }

    private JsonObject Value(Type type, PropertyInfo property)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return OrNull(Value(underlying, property));
        }

        if (OptionDescription.ElementOf(type) is { } element)
        {
            return new JsonObject { ["type"] = "array", ["items"] = Value(element, property) };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Part<>))
        {
            var reference = new JsonObject { ["$ref"] = "#/$defs/" + KindAttribute.Of(type.GetGenericArguments()[0]) };
            return new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable ? OrNull(reference) : reference;
        }

        if (type.IsEnum)
        {
            return new JsonObject { ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => (JsonNode)Naming.ToJson(name))]) };
        }

        if (type == typeof(bool) || type == typeof(string))
        {
            var plain = new JsonObject { ["type"] = type == typeof(bool) ? "boolean" : "string" };
            return type == typeof(string) && new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable ? OrNull(plain) : plain;
        }

        if (type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(float))
        {
            var number = new JsonObject { ["type"] = type == typeof(int) || type == typeof(long) ? "integer" : "number" };
            foreach (var bounds in property.GetCustomAttributes<NumberRuleAttribute>().Select(rule => rule.Bounds))
            {
                if (bounds.From is { } from)
                {
                    number[bounds.AboveFrom ? "exclusiveMinimum" : "minimum"] = from;
                }

                if (bounds.To is { } to)
                {
                    number[bounds.BelowTo ? "exclusiveMaximum" : "maximum"] = to;
                }
            }

            return number;
        }

        return OptionDescription.IsRecord(type) ? Record(type, []) : [];
    }

    private string SummaryOf(Type type) => Summaries(type.Assembly).OfType(type.FullName!);

    private XmlSummaries Summaries(Assembly assembly) =>
        _summaries.TryGetValue(assembly.Location, out var known) ? known : _summaries[assembly.Location] = XmlSummaries.Of(assembly.Location);

    private static JsonObject Empty() => new() { ["type"] = "object", ["properties"] = new JsonObject(), ["required"] = new JsonArray(), ["additionalProperties"] = false };

    private static JsonObject OrNull(JsonObject schema) => new() { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "null" }) };
}
