using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Options;

/// <summary>One option of a record, described for help, schema and documentation.</summary>
/// <param name="Name">As a manifest spells it.</param>
/// <param name="Property">The property behind it.</param>
/// <param name="Type">The type in words.</param>
/// <param name="Default">The value of a new record; null also where the option is required.</param>
/// <param name="Rule">The range in a few characters; empty where there is none.</param>
/// <param name="Required">Whether a manifest must give it.</param>
public sealed record OptionDescription(string Name, PropertyInfo Property, string Type, JsonNode? Default, string Rule, bool Required)
{
    /// <summary>The values an enumeration option allows; empty for any other.</summary>
    public IReadOnlyList<string> Choices => Underlying(Property.PropertyType) is { IsEnum: true } type
        ? [.. Enum.GetNames(type).Select(Naming.ToJson)] : [];

    /// <summary>The kind of part a slot takes; null where the option is no slot.</summary>
    public string? SlotKind
    {
        get
        {
            var type = ElementOf(Property.PropertyType) ?? Property.PropertyType;
            return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Part<>)
                ? KindAttribute.Of(type.GetGenericArguments()[0]) : null;
        }
    }

    /// <summary>Describes every option of a record, in the order they are declared.</summary>
    public static IReadOnlyList<OptionDescription> Of(Type options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var record = Activator.CreateInstance(options)!;
        return [.. PropertiesOf(options).Select(property => new OptionDescription(
            Naming.ToJson(property.Name),
            property,
            TypeName(property.PropertyType),
            OptionsWriter.ToJson(property.GetValue(record)),
            string.Join(" and ", property.GetCustomAttributes<ValidationAttribute>().Select(rule => rule is NumberRuleAttribute number ? number.Rule : rule.FormatErrorMessage("value"))),
            property.IsDefined(typeof(RequiredMemberAttribute))))];
    }

    /// <summary>The same where a part gives other defaults: the first one of an option counts, and what has one is not required.</summary>
    public static IReadOnlyList<OptionDescription> Of(Type options, IReadOnlyList<DefaultAttribute> defaults) =>
        [.. Of(options).Select(option => defaults.FirstOrDefault(@default => @default.Path == option.Name) is { } given
            ? option with { Default = JsonSerializer.SerializeToNode(given.Value), Required = false } : option)];

    /// <summary>The names a manifest may use for a record.</summary>
    public static IReadOnlyCollection<string> KeysOf(Type options) =>
        [.. PropertiesOf(options).Select(property => Naming.ToJson(property.Name))];

    /// <summary>The properties a manifest can set, base records' first.</summary>
    internal static IEnumerable<PropertyInfo> PropertiesOf(Type options) =>
        options.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property is { CanRead: true, CanWrite: true } && property.GetIndexParameters().Length == 0)
            .OrderBy(property => Depth(property.DeclaringType!))
            .ThenBy(property => property.MetadataToken);

    /// <summary>The type of a list's elements; null where the type is no list.</summary>
    public static Type? ElementOf(Type type) =>
        type.IsArray ? type.GetElementType()
        : type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) || type.GetGenericTypeDefinition() == typeof(List<>))
            ? type.GetGenericArguments()[0] : null;

    /// <summary>Whether an option of this type is a record of options itself.</summary>
    public static bool IsRecord(Type type) =>
        type.IsClass && type != typeof(string) && !typeof(JsonNode).IsAssignableFrom(type) && !type.IsArray && !type.IsGenericType;

    internal static string TypeName(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return TypeName(underlying) + " or null";
        }

        if (ElementOf(type) is { } element)
        {
            return "list of " + TypeName(element);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Part<>))
        {
            return KindAttribute.Of(type.GetGenericArguments()[0]);
        }

        return type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type).Select(Naming.ToJson))
            : type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "text"
            : type == typeof(int) || type == typeof(long) ? "integer"
            : type == typeof(double) || type == typeof(float) ? "number"
            : "object";
    }

    private static Type Underlying(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    private static int Depth(Type type)
    {
        var depth = 0;
        for (var current = type.BaseType; current is not null; current = current.BaseType)
        {
            depth++;
        }

        return depth;
    }
}
