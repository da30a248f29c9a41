namespace Plumbline.Host.Plugins;

/// <summary>Every part that is installed, by kind and id, from metadata alone.</summary>
internal sealed class PluginCatalog
{
    private readonly ILookup<(string Kind, string Id), (InstalledPlugin Plugin, PartHeader Part)> _parts;

    private PluginCatalog(PluginPlace place, IReadOnlyList<InstalledPlugin> plugins)
    {
        (Place, Plugins) = (place, plugins);
        _parts = plugins.SelectMany(plugin => plugin.Parts.Select(part => (plugin, part)))
            .ToLookup(pair => (pair.part.Kind, pair.part.Id));
        // A plugin that can't be used anyway takes no id from another.
        var claims = _parts.Select(group => (group.Key, Plugins: group.Select(pair => pair.Plugin).Where(plugin => plugin.Broken is null).Distinct().ToList())).ToList();
        foreach (var (part, claimants) in claims.Where(claim => claim.Plugins.Count > 1))
        {
            MarkDuplicates(part, claimants);
        }
    }

    /// <summary>Where they are.</summary>
    internal PluginPlace Place { get; }

    /// <summary>The plugins folder.</summary>
    internal string Folder => Place.Folder;

    /// <summary>Every plugin, broken ones too, the host's own parts first.</summary>
    internal IReadOnlyList<InstalledPlugin> Plugins { get; }

    /// <summary>Reads the metadata of every plugin in a folder.</summary>
    /// <param name="folder">The plugins folder; null for the usual one.</param>
    /// <param name="locked">Refuse a folder that is not as its lock says.</param>
    /// <exception cref="PlumblineException">There is no such folder; or it is locked and was changed: the message names every file.</exception>
    internal static PluginCatalog Open(string? folder, bool locked = false) => Open(PluginPlace.Locate(folder), locked);

    /// <summary>Reads the metadata of every plugin in a place.</summary>
    internal static PluginCatalog Open(PluginPlace place, bool locked = false)
    {
        IReadOnlyList<InstalledPlugin> plugins = [.. PluginFolder.BuiltIn(), .. place.Scan()];
        if (locked && PluginLock.Read(place.Folder).Differences(plugins) is { Count: > 0 } differences)
        {
            throw new PlumblineException(
                $"the plugins in {place.Folder} are not as {PluginLock.FileName} says: {string.Join("; ", differences)}. Put them back, or accept them with plumb plugins lock");
        }

        var state = PluginState.Read(place.Folder);
        foreach (var plugin in plugins.Where(plugin => plugin is { BuiltIn: false, Broken: null }))
        {
            plugin.Broken = state.Against(plugin);
        }

        return new PluginCatalog(place, plugins);
    }

    /// <summary>The ids of a kind's parts that can be used.</summary>
    internal IReadOnlyCollection<string> Ids(string kind) =>
        [.. _parts.Where(group => group.Key.Kind == kind && group.Any(pair => pair.Plugin.Broken is null)).Select(group => group.Key.Id).Order(StringComparer.Ordinal)];

    /// <summary>The kinds that have parts.</summary>
    internal IReadOnlyCollection<string> Kinds => [.. _parts.Select(group => group.Key.Kind).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The part, or null where none has this kind and id.</summary>
    /// <exception cref="PlumblineException">Its plugin is broken; the message has the reason.</exception>
    internal (InstalledPlugin Plugin, PartHeader Part)? Find(string kind, string id)
    {
        var found = _parts[(kind, id)].ToList();
        return found.Count == 0 ? null
            : found.Find(pair => pair.Plugin.Broken is null) is { Plugin: not null } usable ? usable
            : throw new PlumblineException($"{kind} '{id}' is in plugin '{found[0].Plugin.Name}', which can't be used: {found[0].Plugin.Broken}");
    }

    /// <summary>The name of the plugin that brings a part, broken or not; null where none does.</summary>
    internal string? PluginOf(string kind, string id) => _parts[(kind, id)].FirstOrDefault().Plugin?.Name;

    /// <summary>Every part of any kind that has an id.</summary>
    internal IEnumerable<(InstalledPlugin Plugin, PartHeader Part)> WithId(string id) => _parts.Where(group => group.Key.Id == id).SelectMany(group => group);

    /// <summary>None of those that claim one id is preferred: the user chooses, by removing one.</summary>
    private static void MarkDuplicates((string Kind, string Id) part, IReadOnlyList<InstalledPlugin> plugins)
    {
        foreach (var plugin in plugins.Where(plugin => plugin is { BuiltIn: false, Shipped: false }))
        {
            var others = string.Join(", ", plugins.Where(other => other != plugin).Select(other => $"'{other.Name}'"));
            plugin.Broken ??= $"its {part.Kind} '{part.Id}' is also in {others}; keep one of them in the plugins folder";
        }
    }
}
