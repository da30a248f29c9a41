using System.Xml.Linq;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

/// <summary>The sources and what is built of them.</summary>
internal static class Tree
{
    /// <summary>The installed plugins.</summary>
    internal static PluginCatalog Catalog { get; } = PluginCatalog.Open(Repository.Plugins);

    /// <summary>Those from the plugins folder.</summary>
    internal static IEnumerable<InstalledPlugin> Plugins => Catalog.Plugins.Where(plugin => !plugin.BuiltIn);

    /// <summary>Those that bring a method.</summary>
    internal static IEnumerable<InstalledPlugin> Methods => Plugins.Where(plugin => plugin.Parts.Any(part => part.Kind == Kinds.Algorithm));

    /// <summary>The folders with the sources of plugins.</summary>
    internal static IEnumerable<string> PluginFolders => Directory.EnumerateDirectories(Path.Combine(Repository.Root, "plugins")).SelectMany(Directory.EnumerateDirectories)
        .Where(folder => Path.GetFileName(folder) is not ("bin" or "obj"));

    /// <summary>A file of the host's build.</summary>
    internal static string HostFile(string name) => Path.Combine(Path.GetDirectoryName(Repository.Program)!, name);

    /// <summary>The names of the projects that a project, or properties it inherits, references.</summary>
    internal static IEnumerable<string> ProjectReferences(string project) => XDocument.Load(project).Descendants("ProjectReference")
        .Select(reference => Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!));
}
