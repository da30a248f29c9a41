namespace Plumbline.Tests;

/// <summary>A resolver over classes at hand, registered by their attributes.</summary>
internal sealed class TestParts : IPartResolver
{
    private readonly Dictionary<(string Kind, string Id), PartDescriptor> _parts = [];

    internal TestParts(params ReadOnlySpan<Type> types)
    {
        foreach (var type in types)
        {
            foreach (var part in PartDescriptor.Of(type))
            {
                _parts.Add((part.Kind, part.Id), part);
            }
        }
    }

    /// <summary>Ids whose plugin is broken: finding one throws.</summary>
    internal Dictionary<string, string> Broken { get; } = [];

    public PartDescriptor? Find(string kind, string id) =>
        Broken.TryGetValue(id, out var reason) ? throw new PlumblineException(reason) : _parts.GetValueOrDefault((kind, id));

    public IReadOnlyCollection<string> Ids(string kind) => [.. _parts.Keys.Where(key => key.Kind == kind).Select(key => key.Id)];
}

/// <summary>Services for parts that need none.</summary>
internal sealed class NoServices : IServiceProvider
{
    public object? GetService(Type serviceType) => null;
}
