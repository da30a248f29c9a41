using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Options;

/// <summary>Writes bound options back as JSON: the resolved manifest, with every default spelt out.</summary>
public static class OptionsWriter
{
    /// <summary>A record, part, list or value as JSON.</summary>
    public static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        JsonNode node => node.DeepClone(),
        IPart part => Part(part),
        string text => JsonValue.Create(text),
        Enum choice => JsonValue.Create(Naming.ToJson(choice.ToString())),
        bool or int or long or double or float => JsonSerializer.SerializeToNode(value),
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(ToJson)]),
        _ => Record(value),
    };

    private static JsonObject Part(IPart part)
    {
        var json = new JsonObject { ["use"] = part.Id };
        if (part.Options is not null)
        {
            foreach (var (key, value) in Record(part.Options))
            {
                json[key] = value?.DeepClone();
            }
        }

        return json;
    }

    private static JsonObject Record(object record)
    {
        var json = new JsonObject();
        foreach (var property in OptionDescription.PropertiesOf(record.GetType()))
        {
            json[Naming.ToJson(property.Name)] = ToJson(property.GetValue(record));
        }

        return json;
    }
}
