using Plumbline.Host.Claims;

namespace Plumbline.Host.Plugins;

/// <summary>A paper that an installed plugin brings; from metadata alone.</summary>
/// <param name="Id">The name it goes by: its method's id.</param>
/// <param name="Plugin">The plugin.</param>
internal sealed record Paper(string Id, InstalledPlugin Plugin)
{
    /// <summary>The arXiv number; null where the plugin names none.</summary>
    internal string? Arxiv => Named?.Paper;

    /// <summary>The title.</summary>
    internal string? Title => Named?.Title;

    /// <summary>The loop that its method brings; null where it is no method but parts of one.</summary>
    internal string? Loop => Method?.Loop;

    /// <summary>The method; null where it is none.</summary>
    internal PartHeader? Method => Plugin.Parts.Where(part => part.Kind == Kinds.Algorithm).MinBy(part => (part.Id != Id, part.Id.Length));

    /// <summary>The file with its claim; null where there is none.</summary>
    internal string? ClaimPath { get; private init; }

    private PartHeader? Named => Method?.Paper is not null ? Method : Plugin.Parts.FirstOrDefault(part => part.Paper is not null) ?? Method;

    /// <summary>The papers of a catalogue, in order of their ids: plugins that name a paper or bring a claim.</summary>
    internal static IReadOnlyList<Paper> Of(PluginCatalog catalog) =>
        [.. catalog.Plugins.Where(plugin => !plugin.BuiltIn).Select(plugin => Of(catalog, plugin)).Where(paper => paper.Arxiv is not null || paper.ClaimPath is not null).OrderBy(paper => paper.Id, StringComparer.Ordinal)];

    /// <summary>The paper that brings an id: its own, or that of a part or function of it; null where none does.</summary>
    internal static Paper? Find(PluginCatalog catalog, string id)
    {
        var plugin = catalog.WithId(id).Select(pair => pair.Plugin).FirstOrDefault(plugin => !plugin.BuiltIn)
            ?? catalog.Plugins.FirstOrDefault(plugin => plugin.Header?.Targets.Any(target => target == id || target.StartsWith(id + "/", StringComparison.Ordinal)) == true);
        return plugin is null || plugin.BuiltIn ? null : Of(catalog, plugin);
    }

    private static Paper Of(PluginCatalog catalog, InstalledPlugin plugin)
    {
        // A method before a function's prefix before a part; of several the shortest: others are called after it.
        var id = plugin.Parts.Where(part => part.Kind == Kinds.Algorithm).Select(part => part.Id).MinBy(name => name.Length)
            ?? plugin.Header?.Targets.Select(target => target.Split('/')[0]).FirstOrDefault()
            ?? plugin.Parts.Select(part => part.Id).DefaultIfEmpty(plugin.Name).MinBy(name => name.Length)!;
        // A plugin that is a single file shares its folder with others.
        var claim = plugin.Folder == catalog.Folder ? null : Path.Combine(plugin.Folder, ClaimFile.Name);
        return new Paper(id, plugin) { ClaimPath = File.Exists(claim) ? claim : null };
    }
}
