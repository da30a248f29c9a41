using System.Text.Json.Nodes;

namespace Plumbline.Host.Plugins;

/// <summary>What a plugins folder held when it was locked: every file of every plugin by its SHA-256, in <c>plugins.lock.json</c>.</summary>
internal sealed class PluginLock
{
    /// <summary>The file's name, in the plugins folder.</summary>
    internal const string FileName = "plugins.lock.json";

    private const string Remedy = "write it anew with plumb plugins lock";
    private readonly SortedDictionary<string, Entry> _plugins;

    private PluginLock(SortedDictionary<string, Entry> plugins) => _plugins = plugins;

    /// <summary>Whether a folder has a lock.</summary>
    internal static bool Exists(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Reads a folder's lock.</summary>
    /// <exception cref="PlumblineException">There is none, or it can't be read.</exception>
    internal static PluginLock Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new PlumblineException($"--locked wants {path}, and there is none; make one of the plugins as they are with plumb plugins lock");
        }

        var json = AtomicFile.Read(path, Remedy);
        if (json["plugins"] is not JsonObject plugins)
        {
            throw new PlumblineException($"{path} has no object 'plugins'; {Remedy}");
        }

        var entries = new SortedDictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var (name, plugin) in plugins)
        {
            entries.Add(name, plugin is JsonObject entry && entry["files"] is JsonObject files && files.All(file => file.Value is JsonValue)
                ? new Entry((string?)entry["version"] ?? "?", new(files.ToDictionary(file => file.Key, file => file.Value!.ToString()), StringComparer.Ordinal))
                : throw new PlumblineException($"{path}: plugin '{name}' has no object 'files'; {Remedy}"));
        }

        return new PluginLock(entries);
    }

    /// <summary>The plugins of a folder as they are.</summary>
    internal static PluginLock Of(IEnumerable<InstalledPlugin> plugins) =>
        new(new(plugins.Where(plugin => !plugin.BuiltIn).ToDictionary(plugin => plugin.Name, plugin => new Entry(plugin.Version, PluginFiles.Hashes(plugin))), StringComparer.Ordinal));

    /// <summary>Writes it into a folder.</summary>
    internal void Write(string folder) => AtomicFile.Write(Path.Combine(folder, FileName), new JsonObject
    {
        ["lock"] = 1,
        ["plugins"] = new JsonObject(_plugins.Select(plugin => KeyValuePair.Create(plugin.Key, (JsonNode?)new JsonObject
        {
            ["version"] = plugin.Value.Version,
            ["files"] = new JsonObject(plugin.Value.Files.Select(file => KeyValuePair.Create(file.Key, (JsonNode?)file.Value))),
        }))),
    });

    /// <summary>Each file that is not as it was, in words.</summary>
    internal IReadOnlyList<string> Differences(IEnumerable<InstalledPlugin> plugins)
    {
        var differences = new List<string>();
        var here = plugins.Where(plugin => !plugin.BuiltIn).ToDictionary(plugin => plugin.Name, StringComparer.Ordinal);
        differences.AddRange(here.Keys.Except(_plugins.Keys).Order(StringComparer.Ordinal).Select(name => $"plugin '{name}' was added"));
        foreach (var (name, entry) in _plugins)
        {
            if (here.TryGetValue(name, out var plugin))
            {
                Compare(name, entry.Files, PluginFiles.Hashes(plugin), differences);
            }
            else
            {
                differences.Add($"plugin '{name}' is missing");
            }
        }

        return differences;
    }

    private static void Compare(string plugin, SortedDictionary<string, string> before, SortedDictionary<string, string> now, List<string> differences)
    {
        differences.AddRange(now.Keys.Except(before.Keys).Select(file => $"{plugin}/{file} was added"));
        foreach (var (file, hash) in before)
        {
            if (!now.TryGetValue(file, out var other))
            {
                differences.Add($"{plugin}/{file} is missing");
            }
            else if (!string.Equals(other, hash, StringComparison.OrdinalIgnoreCase))
            {
                differences.Add($"{plugin}/{file} was changed");
            }
        }
    }

    /// <summary>A locked plugin.</summary>
    private sealed record Entry(string Version, SortedDictionary<string, string> Files);
}
