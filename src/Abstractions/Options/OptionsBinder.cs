using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Options;

/// <summary>Fills options records from JSON: strictly, with every error at once, each with its place and the nearest valid name.</summary>
public sealed class OptionsBinder(IPartResolver parts)
{
    private const string Use = "use";
    private readonly List<ManifestError> _errors = [];

    /// <summary>The errors met so far.</summary>
    public IReadOnlyList<ManifestError> Errors => _errors;

    /// <summary>Fills a record or throws.</summary>
    /// <exception cref="ManifestException">With every error found.</exception>
    public static T Bind<T>(JsonObject json, IPartResolver parts, string path = "$")
        where T : class => (T)Bind(typeof(T), json, parts, path);

    /// <summary>Fills a record or throws.</summary>
    /// <exception cref="ManifestException">With every error found.</exception>
    public static object Bind(Type type, JsonObject json, IPartResolver parts, string path = "$")
    {
        var binder = new OptionsBinder(parts);
        var record = binder.BindRecord(type, json, path);
        return binder._errors.Count == 0 ? record! : throw new ManifestException(binder._errors);
    }

    /// <summary>Fills a record; what is wrong is added to <see cref="Errors"/>.</summary>
    public object? BindRecord(Type type, JsonObject json, string path)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(json);
        if (type.GetConstructor(Type.EmptyTypes) is null)
        {
            Error(path, $"the options type {type.Name} has no parameterless constructor; give every option a default or make it required");
            return null;
        }

        var record = Activator.CreateInstance(type)!;
        var before = _errors.Count;
        var properties = OptionDescription.PropertiesOf(type).ToDictionary(property => Naming.ToJson(property.Name));
        foreach (var (key, value) in json)
        {
            if (!properties.TryGetValue(key, out var property))
            {
                Unknown(path + "." + key, "option", key, properties.Keys);
            }
            else if (TryConvert(value, property.PropertyType, $"{path}.{key}", out var converted, AllowsNull(property)))
            {
                property.SetValue(record, converted);
                Validate(property, converted, $"{path}.{key}");
            }
        }

        foreach (var (name, property) in properties)
        {
            if (property.IsDefined(typeof(RequiredMemberAttribute)) && !json.ContainsKey(name))
            {
                Error($"{path}.{name}", $"'{name}' is required{Choices(property.PropertyType)}");
            }
        }

        if (_errors.Count == before && record is IChecksItself checks)
        {
            foreach (var message in checks.Check())
            {
                Error(path, message);
            }
        }

        return record;
    }

    /// <summary>Binds a part's JSON (an id, or an object with <c>use</c>) to its kind's contract.</summary>
    /// <typeparam name="T">The contract.</typeparam>
    public Part<T>? BindPart<T>(JsonNode? json, string path)
        where T : class => (Part<T>?)BindPart(typeof(T), json, path);

    private object? BindPart(Type contract, JsonNode? json, string path)
    {
        var options = json switch
        {
            JsonValue value when value.TryGetValue<string>(out var id) => new JsonObject { [Use] = id },
            JsonObject given => (JsonObject)given.DeepClone(),
            _ => null,
        };
        if (options?[Use] is not JsonValue use || !use.TryGetValue<string>(out var name))
        {
            var kind = KindAttribute.Of(contract);
            var what = kind == Kinds.Loop ? "an algorithm or loop" : "a part of kind " + kind;
            Error(path, $"expected the id of {what}, or an object with \"use\"; known: {Known(kind)}");
            return null;
        }

        options.Remove(Use);
        if (FindFor(contract, name, path) is not { } part)
        {
            return null;
        }

        return part.Loop is null ? BindSimple(contract, part, options, path) : BindAlgorithm(contract, part, options, path);
    }

    private object? BindSimple(Type contract, PartDescriptor part, JsonObject options, string path)
    {
        ApplyDefaults(part.Defaults, options);
        object? bound = null;
        if (part.OptionsType is not null)
        {
            bound = BindRecord(part.OptionsType, options, path);
        }
        else if (options.Count > 0)
        {
            Error($"{path}.{options.First().Key}", $"{part.Kind} '{part.Id}' has no options");
        }

        return MakePart(contract, part, bound);
    }

    /// <summary>A stage that names an algorithm: its keys belong to the loop or to the part that fills the algorithm's slot.</summary>
    private object? BindAlgorithm(Type contract, PartDescriptor algorithm, JsonObject stage, string path)
    {
        if (Find(Kinds.Loop, algorithm.Loop!, path) is not { } loop)
        {
            return null;
        }

        if (loop.OptionsType is not { } loopOptions)
        {
            Error(path, $"loop '{loop.Id}' has no options, so algorithm '{algorithm.Id}' cannot fill its slot '{algorithm.Slot}'");
            return null;
        }

        var loopKeys = OptionDescription.KeysOf(loopOptions);
        var own = algorithm.OptionsType is null ? [] : OptionDescription.KeysOf(algorithm.OptionsType);
        if (loopKeys.Intersect(own).FirstOrDefault() is { } twice)
        {
            Error(path, $"algorithm '{algorithm.Id}' and loop '{loop.Id}' both have an option '{twice}'; its author must rename one");
            return null;
        }

        var slot = algorithm.Slot!;
        var replaced = stage.ContainsKey(slot);
        var inner = new JsonObject { [Use] = algorithm.Id };
        foreach (var (key, value) in stage.Where(pair => !loopKeys.Contains(pair.Key)).ToList())
        {
            if (own.Contains(key))
            {
                if (replaced)
                {
                    Error($"{path}.{key}", $"'{key}' is an option of '{algorithm.Id}', whose {slot} this stage replaces; nothing would read it");
                }

                inner[key] = value?.DeepClone();
            }
            else
            {
                Unknown($"{path}.{key}", "option", key, loopKeys.Concat(own));
            }

            stage.Remove(key);
        }

        // The algorithm's come first: they win over the loop's.
        ApplyDefaults([.. algorithm.Defaults, .. loop.Defaults], stage);
        // The objective's own errors carry the stage's path: that is where the user wrote the options.
        JsonNode? given = null;
        if (!replaced)
        {
            stage[slot] = inner;
            given = inner;
        }

        _slotPaths.Add($"{path}.{slot}", given is null ? $"{path}.{slot}" : path);
        var bound = BindRecord(loopOptions, stage, path);
        _slotPaths.Remove($"{path}.{slot}");
        return MakePart(contract, loop, bound);
    }

    private readonly Dictionary<string, string> _slotPaths = [];

    /// <summary>Fills what the manifest left open; of two defaults for one option the first wins.</summary>
    private static void ApplyDefaults(IReadOnlyList<DefaultAttribute> defaults, JsonObject options)
    {
        // Slots before what lies within them, whoever named the part.
        foreach (var @default in defaults.OrderBy(@default => @default.Path.Count(letter => letter == '.')))
        {
            Apply(options, string.Empty, @default.Path, @default.Value);
        }

        void Apply(JsonObject target, string place, string path, object value)
        {
            var dot = path.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
            {
                if (!target.ContainsKey(path))
                {
                    target[path] = JsonSerializer.SerializeToNode(value);
                }
                else if (value is string && target[path] is JsonObject options && !options.ContainsKey(Use))
                {
                    // Options without a name are meant for the part that would stand here anyway.
                    options[Use] = JsonSerializer.SerializeToNode(value);
                }

                return;
            }

            var slot = path[..dot];
            if (target[slot] is JsonValue id && id.TryGetValue<string>(out var name))
            {
                target[slot] = new JsonObject { [Use] = name };
            }

            // A default inside a slot is meant for the part that the defaults themselves name there; another part has options of its own.
            if (target[slot] is JsonObject inner
                && (inner[Use] is not JsonValue use || (use.TryGetValue<string>(out var part)
                    && part == defaults.FirstOrDefault(named => named.Path == place + slot)?.Value as string)))
            {
                Apply(inner, place + slot + ".", path[(dot + 1)..], value);
            }
        }
    }

    private static object MakePart(Type contract, PartDescriptor part, object? options)
    {
        var make = typeof(OptionsBinder).GetMethod(nameof(Make), BindingFlags.NonPublic | BindingFlags.Static)!;
        return make.MakeGenericMethod(contract).Invoke(null, [part, options])!;
    }

    private static Part<T> Make<T>(PartDescriptor part, object? options)
        where T : class => new(part.Id, options, services => (T)part.Create(services, options));

    private PartDescriptor? FindFor(Type contract, string id, string path)
    {
        var kind = KindAttribute.Of(contract);
        if (kind == Kinds.Loop && parts.Find(Kinds.Algorithm, id) is { } algorithm)
        {
            return algorithm;
        }

        var part = Find(kind, id, path);
        if (part is not null && !contract.IsAssignableFrom(part.Type))
        {
            Error(path, $"{kind} '{id}' is a {Contract(part.Type)}, and a {contract.Name} is needed here");
            return null;
        }

        return part;
    }

    /// <summary>What a part is, in a contract's words: the class it derives from, or the interface with a kind that it implements.</summary>
    private static string Contract(Type part) =>
        part.BaseType is { } parent && parent != typeof(object) ? parent.Name
        : part.GetInterfaces().OrderByDescending(type => type.GetInterfaces().Length).FirstOrDefault(type => type.GetInterfaces().Append(type).Any(from => from.IsDefined(typeof(KindAttribute), false)))?.Name ?? part.Name;

    private PartDescriptor? Find(string kind, string id, string path)
    {
        try
        {
            if (parts.Find(kind, id) is { } part)
            {
                return part;
            }
        }
        catch (PlumblineException broken)
        {
            Error(path, broken.Message);
            return null;
        }

        Unknown(path, kind == Kinds.Loop ? "algorithm or loop" : kind, id, Ids(kind));
        return null;
    }

    private bool TryConvert(JsonNode? json, Type type, string path, out object? value, bool nullable)
    {
        value = null;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return json is null || TryConvert(json, underlying, path, out value, false);
        }

        if (json is null)
        {
            return nullable || Wrong(json, type, path);
        }

        if (typeof(JsonNode).IsAssignableFrom(type))
        {
            value = json.DeepClone();
            return type.IsInstanceOfType(value) || Wrong(json, type, path);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Part<>))
        {
            var where = _slotPaths.GetValueOrDefault(path, path);
            value = BindPart(type.GetGenericArguments()[0], json, where);
            return value is not null;
        }

        if (OptionDescription.ElementOf(type) is { } element)
        {
            return TryConvertList(json, type, element, path, out value);
        }

        if (OptionDescription.IsRecord(type))
        {
            return json is JsonObject nested ? (value = BindRecord(type, nested, path)) is not null : Wrong(json, type, path);
        }

        return TryConvertValue(json, type, path, out value);
    }

    private bool TryConvertList(JsonNode json, Type type, Type element, string path, out object? value)
    {
        value = null;
        if (json is not JsonArray array)
        {
            return Wrong(json, type, path);
        }

        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        var before = _errors.Count;
        for (var i = 0; i < array.Count; i++)
        {
            if (TryConvert(array[i], element, $"{path}[{i}]", out var item, false))
            {
                list.Add(item);
            }
        }

        if (type.IsArray)
        {
            var copy = Array.CreateInstance(element, list.Count);
            list.CopyTo(copy, 0);
            value = copy;
        }
        else
        {
            value = list;
        }

        return _errors.Count == before;
    }

    private bool TryConvertValue(JsonNode json, Type type, string path, out object? value)
    {
        value = null;
        if (json is not JsonValue scalar)
        {
            return Wrong(json, type, path);
        }

        if (type.IsEnum)
        {
            var names = Enum.GetNames(type).ToDictionary(Naming.ToJson);
            if (!scalar.TryGetValue<string>(out var text))
            {
                return Wrong(json, type, path);
            }

            if (!names.TryGetValue(text, out var name))
            {
                Unknown(path, "value", text, names.Keys);
                return false;
            }

            value = Enum.Parse(type, name);
            return true;
        }

        try
        {
            var kind = json.GetValueKind();
            var fits = type == typeof(bool) ? kind is JsonValueKind.True or JsonValueKind.False
                : type == typeof(string) ? kind is JsonValueKind.String
                : kind is JsonValueKind.Number;
            if (!fits)
            {
                return Wrong(json, type, path);
            }

            value = json.Deserialize(type);
            // A literal such as 1e400 is read as infinity.
            return value is not (double.PositiveInfinity or double.NegativeInfinity or float.PositiveInfinity or float.NegativeInfinity) || Wrong(json, type, path);
        }
        catch (JsonException) when (type == typeof(int) && BigInteger.TryParse(json.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
        {
            Error(path, $"expected an integer from {int.MinValue} to {int.MaxValue}, found {json.ToJsonString()}");
            return false;
        }
        catch (JsonException)
        {
            return Wrong(json, type, path);
        }
    }

    private void Validate(PropertyInfo property, object? value, string path)
    {
        foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
        {
            if (!rule.IsValid(value))
            {
                Error(path, $"{rule.FormatErrorMessage(Naming.ToJson(property.Name))}, was {JsonSerializer.Serialize(value)}");
            }
        }
    }

    private static bool AllowsNull(PropertyInfo property) =>
        new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;

    private string Choices(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Part<>)
            ? $": name a {KindAttribute.Of(type.GetGenericArguments()[0])} (known: {Known(KindAttribute.Of(type.GetGenericArguments()[0]))})"
            : string.Empty;

    private string Known(string kind)
    {
        var ids = Ids(kind).Order(StringComparer.Ordinal).ToList();
        return ids.Count == 0 ? "none installed" : string.Join(", ", ids);
    }

    /// <summary>What may stand where a kind is wanted: for a loop an algorithm too.</summary>
    private IEnumerable<string> Ids(string kind) =>
        kind == Kinds.Loop ? parts.Ids(Kinds.Algorithm).Union(parts.Ids(Kinds.Loop)) : parts.Ids(kind);

    private void Unknown(string path, string what, string name, IEnumerable<string> valid)
    {
        var names = valid.Distinct().Order(StringComparer.Ordinal).ToList();
        var hint = Naming.Nearest(name, names) is { } nearest ? $"; did you mean '{nearest}'?" : string.Empty;
        Error(path, $"unknown {what} '{name}'{hint} (valid: {(names.Count == 0 ? "none" : string.Join(", ", names))})");
    }

    private bool Wrong(JsonNode? json, Type type, string path)
    {
        var found = json is null ? "null" : json.ToJsonString();
        Error(path, $"expected {OptionDescription.TypeName(type)}, found {(found.Length > 60 ? found[..60] + "…" : found)}");
        return false;
    }

    private void Error(string path, string message) => _errors.Add(new ManifestError(path, message));
}
