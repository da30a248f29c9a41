using System.Security.Cryptography;
using System.Text;

namespace Plumbline.Host.Plugins;

/// <summary>The files of an installed plugin and what is in them.</summary>
internal static class PluginFiles
{
    /// <summary>The SHA-256 of each file, by its path within the plugin's folder; a single-file plugin has one.</summary>
    /// <exception cref="PlumblineException">A file can't be read.</exception>
    internal static SortedDictionary<string, string> Hashes(InstalledPlugin plugin)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in Paths(plugin))
        {
            try
            {
                using var file = File.OpenRead(path);
                hashes.Add(Path.GetRelativePath(plugin.Folder, path).Replace('\\', '/'), Hex(SHA256.HashData(file)));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new PlumblineException($"plugin '{plugin.Name}': {path} can't be read ({error.Message.TrimEnd('.')}); give this user the right to read it", error);
            }
        }

        return hashes;
    }

    /// <summary>One hash of all its files: another one means another plugin.</summary>
    internal static string Fingerprint(InstalledPlugin plugin) =>
        Hex(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(Hashes(plugin).Select(pair => $"{pair.Value}  {pair.Key}\n")))));

    /// <summary>The SHA-256 of a file, in lower-case hex.</summary>
    internal static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Hex(SHA256.HashData(file));
    }

    private static IEnumerable<string> Paths(InstalledPlugin plugin) => plugin.IsFile ? [Path.Combine(plugin.Folder, plugin.Name + ".dll")]
        : Directory.EnumerateFiles(plugin.Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 });

    private static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);
}
