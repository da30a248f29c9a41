using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Host.Runs;

/// <summary>A run's folder and the files in it. A line is written whole, at once; a whole file under a temporary name first.</summary>
internal sealed class RunFolder : IDisposable
{
    internal const string ResultFile = "result.json";
    internal const string ManifestFile = "manifest.json";
    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };
    private readonly Dictionary<string, FileStream> _logs = new(StringComparer.Ordinal);

    private RunFolder(string path) => Path = path;

    /// <summary>The folder.</summary>
    internal string Path { get; }

    /// <summary>Makes a new folder: the one asked for, or <c>runs/&lt;name&gt;-&lt;time&gt;</c>.</summary>
    /// <exception cref="PlumblineException">The folder asked for is not empty.</exception>
    internal static RunFolder Create(string? asked, string name, DateTimeOffset now)
    {
        if (asked is not null)
        {
            return !Directory.Exists(asked) || !Directory.EnumerateFileSystemEntries(asked).Any() ? Claim(asked) ?? throw NotEmpty() : throw NotEmpty();
        }

        var stem = System.IO.Path.Combine("runs", $"{name}-{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}");
        var path = stem;
        for (var n = 2; ; n++)
        {
            if (!Directory.Exists(path) && Claim(path) is { } folder)
            {
                return folder;
            }

            path = $"{stem}-{n}";
        }

        PlumblineException NotEmpty() => new($"--out {asked} is not empty; a run never writes over another: name a new folder");
    }

    /// <summary>Makes a folder this run's own; null where another run, started at the same moment, was quicker.</summary>
    private static RunFolder? Claim(string path)
    {
        var folder = new RunFolder(Directory.CreateDirectory(path).FullName);
        try
        {
            new FileStream(folder.File(ManifestFile), FileMode.CreateNew).Dispose();
            return folder;
        }
        catch (IOException) when (System.IO.File.Exists(folder.File(ManifestFile)))
        {
            return null;
        }
    }

    /// <summary>The path of a file in the folder.</summary>
    internal string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Adds a line of JSON to a file.</summary>
    internal void Append(string file, JsonObject line)
    {
        if (!_logs.TryGetValue(file, out var log))
        {
            // No buffer: what was written is there, whatever ends the process.
            _logs[file] = log = new FileStream(File(file), FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        }

        log.Write(Encoding.UTF8.GetBytes(line.ToJsonString(Compact) + "\n"));
    }

    /// <summary>Writes a whole file of JSON.</summary>
    internal void Write(string file, JsonNode json) => Write(Path, file, json);

    /// <summary>Writes a whole file of JSON into a run's folder.</summary>
    internal static void Write(string folder, string file, JsonNode json)
    {
        var path = System.IO.Path.Combine(folder, file);
        System.IO.File.WriteAllText(path + ".tmp", json.ToJsonString(Indented) + "\n");
        System.IO.File.Move(path + ".tmp", path, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var log in _logs.Values)
        {
            log.Dispose();
        }
    }
}
