using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Host.Plugins;

/// <summary>One option of a part, ready to be shown.</summary>
/// <param name="Name">As a manifest spells it.</param>
/// <param name="Type">The type in words.</param>
/// <param name="Default">Its value where the manifest says nothing.</param>
/// <param name="Rule">Its range.</param>
/// <param name="Required">Whether a manifest must give it.</param>
/// <param name="Summary">What it is.</param>
internal sealed record OptionCard(string Name, string Type, JsonNode? Default, string Rule, bool Required, string Summary);

/// <summary>Everything a user wants to know of a part; from its attributes, its options record and its comments.</summary>
internal sealed record PartCard
{
    /// <summary>The plugin that brings it.</summary>
    public required InstalledPlugin Plugin { get; init; }

    /// <summary>Kind, id, paper.</summary>
    public required PartHeader Part { get; init; }

    /// <summary>What it is, in a sentence.</summary>
    public required string Summary { get; init; }

    /// <summary>Its own options, and for an algorithm those of its loop.</summary>
    public required IReadOnlyList<OptionCard> Options { get; init; }

    /// <summary>What the example shows.</summary>
    public required string ExampleTitle { get; init; }

    /// <summary>An example with everything required.</summary>
    public required JsonObject Example { get; init; }

    /// <summary>Describes a part; loads its plugin, and for an algorithm the loop's.</summary>
    internal static PartCard Of(PartRegistry registry, InstalledPlugin plugin, PartHeader part)
    {
        var descriptor = registry.Find(part.Kind, part.Id) ?? throw new PlumblineException($"plugin '{plugin.Name}' has no {part.Kind} '{part.Id}'");
        var loop = descriptor.Loop is null ? null : registry.Find(Kinds.Loop, descriptor.Loop);
        var options = new List<OptionCard>();
        var slots = new Dictionary<string, Type>(StringComparer.Ordinal);
        var records = new Dictionary<string, Type>(StringComparer.Ordinal);
        var defaults = descriptor.Defaults.Concat(loop?.Defaults ?? []).ToList();
        Add(descriptor.OptionsType, replaced: null);
        Add(loop?.OptionsType, replaced: descriptor.Slot);
        var isStage = part.Kind is Kinds.Algorithm or Kinds.Loop;
        return new PartCard
        {
            Plugin = plugin,
            Part = part,
            Summary = XmlSummaries.Of(plugin.Header!.Path).OfType(part.TypeName),
            Options = options,
            ExampleTitle = isStage ? "example stage:" : $"example, where a {part.Kind} is wanted:",
            Example = ExampleOf(registry, part, options, slots, records),
        };

        void Add(Type? type, string? replaced)
        {
            if (type is null)
            {
                return;
            }

            var summaries = new Dictionary<string, XmlSummaries>(StringComparer.Ordinal);
            foreach (var option in OptionDescription.Of(type, defaults).Where(option => option.Name != replaced))
            {
                if (option.SlotKind is not null)
                {
                    slots[option.Name] = (OptionDescription.ElementOf(option.Property.PropertyType) ?? option.Property.PropertyType).GetGenericArguments()[0];
                }

                if ((OptionDescription.ElementOf(option.Property.PropertyType) ?? option.Property.PropertyType) is var element && OptionDescription.IsRecord(element))
                {
                    records[option.Name] = element;
                }

                var assembly = option.Property.DeclaringType!.Assembly.Location;
                summaries.TryAdd(assembly, XmlSummaries.Of(assembly));
                options.Add(new OptionCard(
                    option.Name,
                    option.Type,
                    option.Default,
                    option.Choices.Count > 0 ? string.Empty : option.Rule,
                    option.Required,
                    summaries[assembly].OfProperty(option.Property)));
            }
        }
    }

    internal JsonObject ToJson() => new()
    {
        ["id"] = Part.Id,
        ["kind"] = Part.Kind,
        ["plugin"] = Plugin.Name,
        ["version"] = Plugin.Version,
        ["paper"] = Part.Paper,
        ["title"] = Part.Title,
        ["loop"] = Part.Loop,
        ["kinds"] = new JsonArray([.. new[] { Part.Kind, Part.SlotKind }.Where(kind => kind is not null).Select(kind => (JsonNode)kind!)]),
        ["summary"] = Summary,
        ["options"] = new JsonArray([.. Options.Select(option => new JsonObject
        {
            ["name"] = option.Name,
            ["type"] = option.Type,
            ["default"] = option.Default?.DeepClone(),
            ["range"] = option.Rule,
            ["required"] = option.Required,
            ["summary"] = option.Summary,
        })]),
        ["example"] = Example.DeepClone(),
    };

    /// <summary>The id, and something valid for each required option: an installed part for a slot.</summary>
    private static JsonObject ExampleOf(PartRegistry registry, PartHeader part, List<OptionCard> options, Dictionary<string, Type> slots, Dictionary<string, Type> records)
    {
        var example = new JsonObject { ["use"] = part.Id };
        foreach (var option in options.Where(option => option.Required))
        {
            var list = option.Type.StartsWith("list of ", StringComparison.Ordinal);
            var value = slots.TryGetValue(option.Name, out var contract) ? Fitting(registry, contract) ?? "…"
                : records.TryGetValue(option.Name, out var record) ? ExampleOf(registry, record) : Something(option.Type);
            example[option.Name] = list ? new JsonArray(value) : value;
        }

        // A rule between options may ask for one slot or another: the first that makes the example valid is shown.
        if (!Binds(registry, part, example))
        {
            foreach (var option in options.Where(option => !example.ContainsKey(option.Name) && slots.ContainsKey(option.Name)))
            {
                var filled = (JsonObject)example.DeepClone();
                JsonNode value = Fitting(registry, slots[option.Name]) ?? "…";
                filled[option.Name] = option.Type.StartsWith("list of ", StringComparison.Ordinal) ? new JsonArray(value) : value;
                if (Binds(registry, part, filled))
                {
                    return filled;
                }
            }

            // Or for what a nested record may leave out.
            var whole = (JsonObject)example.DeepClone();
            foreach (var option in options.Where(option => option.Required && records.ContainsKey(option.Name)))
            {
                JsonNode value = ExampleOf(registry, records[option.Name], whole: true);
                whole[option.Name] = option.Type.StartsWith("list of ", StringComparison.Ordinal) ? new JsonArray(value) : value;
            }

            if (Binds(registry, part, whole))
            {
                return whole;
            }
        }

        return example;
    }

    /// <summary>A nested record with everything required; as a whole, with an item of each list of records too.</summary>
    private static JsonObject ExampleOf(PartRegistry registry, Type record, bool whole = false)
    {
        var example = new JsonObject();
        foreach (var option in OptionDescription.Of(record))
        {
            var element = OptionDescription.ElementOf(option.Property.PropertyType);
            var nested = element is not null && option.SlotKind is null && option.Type == "list of object";
            if (!option.Required && !(whole && nested))
            {
                continue;
            }

            JsonNode value = nested ? ExampleOf(registry, element!, whole) : option.SlotKind is null ? Something(option.Type) : Fitting(registry, (element ?? option.Property.PropertyType).GetGenericArguments()[0]) ?? "…";
            example[option.Name] = element is null ? value : new JsonArray(value);
        }

        return example;
    }

    private static JsonNode Something(string type) => type is "text" or "list of text" ? "…" : 1;

    /// <summary>Whether a manifest could say this.</summary>
    private static bool Binds(PartRegistry registry, PartHeader part, JsonObject example)
    {
        var contract = part.Kind is Kinds.Algorithm or Kinds.Loop ? typeof(ILoop) : registry.Find(part.Kind, part.Id)!.Type;
        var binder = new OptionsBinder(registry);
        typeof(OptionsBinder).GetMethod(nameof(OptionsBinder.BindPart))!.MakeGenericMethod(contract).Invoke(binder, [example, "$"]);
        return binder.Errors.Count == 0;
    }

    /// <summary>The first installed part that a slot takes; null where there is none.</summary>
    private static string? Fitting(PartRegistry registry, Type contract)
    {
        var kind = KindAttribute.Of(contract);
        var methods = registry.Ids(Kinds.Algorithm);
        // Parts named after a method serve its claim: others make the better example.
        return registry.Ids(kind).OrderBy(id => methods.Any(method => id.StartsWith(method + "-", StringComparison.Ordinal))).FirstOrDefault(id =>
        {
            try
            {
                return contract.IsAssignableFrom(registry.Find(kind, id)!.Type);
            }
            catch (PlumblineException)
            {
                return false;
            }
        });
    }
}
