using System.Reflection;

namespace Plumbline.Training.Verification;

/// <summary>The parts of assemblies that are loaded already: for checks and tests, which have no host.</summary>
public sealed class LoadedParts : IPartResolver
{
    private readonly Dictionary<(string Kind, string Id), PartDescriptor> _parts = [];

    /// <summary>The parts of the assemblies.</summary>
    /// <exception cref="PlumblineException">Two parts of one kind have the same id.</exception>
    public LoadedParts(IEnumerable<Assembly> assemblies)
    {
        ArgumentNullException.ThrowIfNull(assemblies);
        var types = assemblies.Distinct().SelectMany(assembly => assembly.GetExportedTypes()).Where(type => type is { IsClass: true, IsAbstract: false });
        foreach (var part in types.SelectMany(PartDescriptor.Of))
        {
            if (!_parts.TryAdd((part.Kind, part.Id), part))
            {
                throw new PlumblineException($"both {_parts[(part.Kind, part.Id)].Type} and {part.Type} are the {part.Kind} '{part.Id}'; an id is unique within its kind");
            }
        }
    }

    /// <inheritdoc/>
    public PartDescriptor? Find(string kind, string id) => _parts.GetValueOrDefault((kind, id));

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Ids(string kind) => [.. _parts.Keys.Where(key => key.Kind == kind).Select(key => key.Id)];
}
