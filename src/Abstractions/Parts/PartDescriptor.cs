using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace Plumbline;

/// <summary>A part whose assembly is loaded: what is needed to bind its options and to create it.</summary>
/// <param name="Kind">The part's kind.</param>
/// <param name="Id">The part's id.</param>
/// <param name="Type">The class.</param>
/// <param name="OptionsType">The options record its constructor takes; null where it takes none.</param>
/// <param name="Create">Makes the part from services and bound options.</param>
public sealed record PartDescriptor(string Kind, string Id, Type Type, Type? OptionsType, Func<IServiceProvider, object?, object> Create)
{
    /// <summary>The loop an algorithm brings; null for any other kind.</summary>
    public string? Loop { get; init; }

    /// <summary>The loop's slot an algorithm fills; null for any other kind.</summary>
    public string? Slot { get; init; }

    /// <summary>The defaults an algorithm or a loop gives to the loop's options.</summary>
    public IReadOnlyList<DefaultAttribute> Defaults { get; init; } = [];

    /// <summary>The parts a class is, by its attributes. A method is two: the algorithm, and the part in its loop's slot.</summary>
    public static IEnumerable<PartDescriptor> Of(Type part)
    {
        ArgumentNullException.ThrowIfNull(part);
        var options = OptionsOf(part);
        foreach (var attribute in part.GetCustomAttributes<PartAttribute>())
        {
            var descriptor = new PartDescriptor(attribute.Kind, attribute.Id, part, options, (services, bound) =>
                ActivatorUtilities.CreateInstance(services, part, bound is null ? [] : [bound]))
            {
                Defaults = [.. part.GetCustomAttributes<DefaultAttribute>()],
            };
            if (attribute is AlgorithmAttribute algorithm)
            {
                yield return descriptor with { Loop = algorithm.Loop, Slot = algorithm.Slot };

                // In a slot a method is its mathematics; the defaults are its recipe for the whole loop.
                yield return descriptor with { Kind = KindAttribute.Of(part), Defaults = [] };
            }
            else
            {
                yield return descriptor;
            }
        }
    }

    /// <summary>The options record among the constructor parameters of a part's class: the one whose name ends in <c>Options</c>.</summary>
    public static Type? OptionsOf(Type part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.GetConstructors()
            .SelectMany(constructor => constructor.GetParameters())
            .Select(parameter => parameter.ParameterType)
            .FirstOrDefault(type => type.Name.EndsWith("Options", StringComparison.Ordinal) && !type.IsInterface);
    }
}

/// <summary>Finds parts by kind and id. The host's loads the plugin on the way.</summary>
public interface IPartResolver
{
    /// <summary>The part, or null where none has this kind and id.</summary>
    /// <exception cref="PlumblineException">The part is known but its plugin is broken.</exception>
    PartDescriptor? Find(string kind, string id);

    /// <summary>The ids of every part of a kind, for messages.</summary>
    IReadOnlyCollection<string> Ids(string kind);
}
