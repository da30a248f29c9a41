using System.Text.Json.Nodes;
using NuGet.Versioning;

namespace Plumbline.Host.Plugins;

/// <summary>An index as its keeper writes it: packages are added, what else is in it stays.</summary>
internal static class PluginIndexFile
{
    /// <summary>Enters packages into an index, which need not exist yet. A version that is there is replaced; blocked versions stay.</summary>
    /// <param name="index">The index's file.</param>
    /// <param name="packages">Packages, or folders of them.</param>
    /// <returns>What was entered.</returns>
    /// <exception cref="PlumblineException">One can't be used, or the file is no index; the file is as it was.</exception>
    internal static IReadOnlyList<(string Id, NuGetVersion Version)> Enter(string index, IEnumerable<string> packages)
    {
        index = Path.GetFullPath(index);
        var json = File.Exists(index) ? AtomicFile.Read(index, "name an index, or a file that is not there yet") : new JsonObject { ["index"] = 1 };
        var plugins = Section(json, "plugins", new JsonObject(), index);
        var entered = packages.SelectMany(Packages).Select(package => Enter(plugins, package, index)).ToList();
        if (entered.Count == 0)
        {
            throw new PlumblineException("there is no package to enter; make one by dotnet pack, then name it or its folder");
        }

        AtomicFile.Write(index, json);
        return entered;
    }

    private static IEnumerable<string> Packages(string path) =>
        File.Exists(path) ? path.EndsWith(".nupkg", StringComparison.OrdinalIgnoreCase) ? [path] : throw new PlumblineException($"{path} is no package: make one by dotnet pack; its name ends in .nupkg")
        : Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.nupkg").Order(StringComparer.Ordinal)
        : throw new PlumblineException($"there is no package or folder {Path.GetFullPath(path)}");

    /// <summary>An object or a list within the index, made where there is none.</summary>
    private static T Section<T>(JsonObject of, string name, T fresh, string index)
        where T : JsonNode => (of[name] ??= fresh) as T ?? throw new PlumblineException($"{index} is no index: its '{name}' is {(fresh is JsonArray ? "no list" : "no object")}");

    private static (string Id, NuGetVersion Version) Enter(JsonObject plugins, string package, string index)
    {
        var unpacked = Directory.CreateTempSubdirectory("plumb-index-").FullName;
        try
        {
            var id = PluginPackage.Unpack(package, unpacked);
            var (version, description) = PluginPackage.Stated(package);
            var plugin = PluginFolder.Read(unpacked);
            if (plugin.Header is not { } header || PluginFolder.Contracts(header) is not var (from, below))
            {
                throw new PlumblineException($"{package} was not entered: {plugin.Broken}");
            }

            var entry = Section(plugins, id, new JsonObject(), index);
            entry["summary"] = description;
            var versions = Section(entry, "versions", new JsonArray(), index);
            versions.RemoveAll(other => NuGetVersion.TryParse((string?)other?["version"], out var number) && number == version);
            versions.Insert(0, new JsonObject
            {
                ["version"] = version.ToString(),
                ["contract"] = new JsonObject { ["from"] = from.ToString(), ["below"] = below.ToString() },
                ["package"] = Path.GetRelativePath(Path.GetDirectoryName(index)!, Path.GetFullPath(package)).Replace('\\', '/'),
                ["sha256"] = PluginFiles.Hash(package),
            });
            return (id, version);
        }
        finally
        {
            Directory.Delete(unpacked, recursive: true);
        }
    }
}
