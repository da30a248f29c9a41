using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Options;

namespace Plumbline.Host.Plugins;

/// <summary>Loads a plugin when the first of its parts is asked for, and registers its parts by convention.</summary>
/// <remarks>
/// Scrutor scans the assembly for classes with a <see cref="PartAttribute"/>; each becomes a keyed <see cref="PartDescriptor"/>
/// (key: kind and id). A plugin that implements <see cref="IPlugin"/> then adds services of its own.
/// </remarks>
internal sealed class PartRegistry(PluginCatalog catalog, IServiceCollection services) : IPartResolver
{
    private readonly Dictionary<string, Assembly> _loaded = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Kind, string Id), PartDescriptor> _parts = [];

    /// <summary>The metadata behind it.</summary>
    internal PluginCatalog Catalog => catalog;

    /// <summary>The plugins whose code is loaded, in the order they were.</summary>
    internal IReadOnlyCollection<string> Loaded => _loaded.Keys;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Ids(string kind) => catalog.Ids(kind);

    /// <inheritdoc/>
    public PartDescriptor? Find(string kind, string id)
    {
        if (_parts.TryGetValue((kind, id), out var known))
        {
            return known;
        }

        if (catalog.Find(kind, id) is not { } found)
        {
            return null;
        }

        Load(found.Plugin);
        return _parts.TryGetValue((kind, id), out var part) ? part
            : throw new PlumblineException($"plugin '{found.Plugin.Name}' declares {kind} '{id}', and its code registers none; its author must make the class {found.Part.TypeName} public or its slot's kind right");
    }

    /// <summary>The assembly of a plugin, loaded into a context of its own.</summary>
    /// <exception cref="PlumblineException">It is broken, or breaks now; the message names it and the remedy.</exception>
    internal Assembly Load(InstalledPlugin plugin)
    {
        if (_loaded.TryGetValue(plugin.Name, out var loaded))
        {
            return loaded;
        }

        if (plugin.Broken is { } reason)
        {
            throw new PlumblineException($"plugin '{plugin.Name}' can't be used: {reason}");
        }

        try
        {
            var assembly = plugin.BuiltIn ? SharedAssemblies.Load(plugin.Name) : PluginAssemblies.Load(plugin.Name, plugin.Header!.Path);
            Register(plugin, assembly);
            _loaded.Add(plugin.Name, assembly);
            return assembly;
        }
        catch (Exception error)
        {
            var cause = error is TargetInvocationException { InnerException: { } inner } ? inner : error;
            plugin.Broken = $"it failed while it was loaded ({cause.GetType().Name}: {cause.Message.ReplaceLineEndings(" ")}); ask its author, or remove it from the plugins folder";
            throw new PlumblineException($"plugin '{plugin.Name}' can't be used: {plugin.Broken}", error);
        }
    }

    private void Register(InstalledPlugin plugin, Assembly assembly)
    {
        var found = new ServiceCollection();
        found.Scan(scan => scan.FromAssemblies(assembly)
            .AddClasses(classes => classes.WithAttribute<PartAttribute>(), publicOnly: true)
            .AsSelf()
            .WithTransientLifetime());
        var parts = found.Select(service => service.ServiceType).Distinct().SelectMany(PartDescriptor.Of).Select(part => Named(plugin, part)).ToList();
        if (parts.FirstOrDefault(part => part.OptionsType is { } options && options.GetConstructor(Type.EmptyTypes) is null) is { } closed)
        {
            throw new PlumblineException($"the options type {closed.OptionsType!.Name} of {closed.Kind} '{closed.Id}' has no parameterless constructor; give every option a default, or make it required");
        }

        foreach (var type in assembly.GetTypes().Where(type => typeof(IPlugin).IsAssignableFrom(type) && type is { IsAbstract: false, IsInterface: false }))
        {
            ((IPlugin)Activator.CreateInstance(type)!).Configure(services, new PluginContext(plugin.Name, plugin.Folder));
        }

        // Only when all went well: a plugin that throws leaves nothing behind.
        foreach (var part in parts)
        {
            _parts.Add((part.Kind, part.Id), part);
            services.AddKeyedSingleton($"{part.Kind}/{part.Id}", part);
        }
    }

    /// <summary>A part whose constructor's failure names the plugin.</summary>
    private static PartDescriptor Named(InstalledPlugin plugin, PartDescriptor part) => part with
    {
        Create = (services, options) =>
        {
            try
            {
                return part.Create(services, options);
            }
            catch (Exception error) when (error is not (PlumblineException or OperationCanceledException))
            {
                throw new PlumblineException($"{part.Kind} '{part.Id}' of plugin '{plugin.Name}' could not be created: {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}; ask its author, or leave it out of the manifest", error);
            }
        },
    };
}
