using System.Text.Json.Nodes;

namespace Plumbline.Host.Plugins;

/// <summary>What is remembered of plugins beside them, in <c>.plugins.state.json</c>: those that ended a worker, and versions that an index blocks.</summary>
/// <remarks>A quarantined plugin is refused until its files change, or a user releases it.</remarks>
internal sealed class PluginState
{
    private const string FileName = ".plugins.state.json";
    private readonly string _path;
    private readonly JsonObject _json;

    private PluginState(string path, JsonObject json) => (_path, _json) = (path, json);

    /// <summary>What is remembered in a plugins folder.</summary>
    internal static PluginState Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return new PluginState(path, File.Exists(path) ? AtomicFile.Read(path, "delete it: only quarantines and blocked versions are forgotten") : []);
    }

    /// <summary>Why a plugin may not be used, and what to do; null where nothing speaks against it.</summary>
    internal string? Against(InstalledPlugin plugin)
    {
        if (Section("blocked")[plugin.Name] is JsonObject versions && versions[plugin.Version] is { } reason)
        {
            return $"version {plugin.Version} is blocked: {reason}; take another version with plumb plugins add, or remove it";
        }

        return Section("quarantined")[plugin.Name] is JsonObject entry && (string?)entry["fingerprint"] == PluginFiles.Fingerprint(plugin)
            ? $"it is quarantined: {entry["reason"]}. Replace it by a mended version, or use it all the same after plumb plugins release {plugin.Name}" : null;
    }

    /// <summary>Remembers that a plugin, as its files are now, ended a worker.</summary>
    internal void Quarantine(InstalledPlugin plugin, string reason)
    {
        Section("quarantined")[plugin.Name] = new JsonObject { ["fingerprint"] = PluginFiles.Fingerprint(plugin), ["version"] = plugin.Version, ["reason"] = reason };
        Write();
    }

    /// <summary>Forgets a quarantine.</summary>
    /// <returns>Whether there was one.</returns>
    internal bool Release(string plugin)
    {
        if (!Section("quarantined").Remove(plugin))
        {
            return false;
        }

        Write();
        return true;
    }

    /// <summary>Remembers what an index blocks of a plugin, in place of what was known.</summary>
    internal void Block(string plugin, IReadOnlyDictionary<string, string> versions)
    {
        Section("blocked").Remove(plugin);
        if (versions.Count > 0)
        {
            Section("blocked")[plugin] = new JsonObject(versions.Select(version => KeyValuePair.Create(version.Key, (JsonNode?)version.Value)));
        }

        Write();
    }

    private JsonObject Section(string name)
    {
        if (_json[name] is not JsonObject section)
        {
            _json[name] = section = [];
        }

        return section;
    }

    private void Write() => AtomicFile.Write(_path, _json);
}
