using System.Text.Json.Nodes;
using Plumbline.Host.Commands;

namespace Plumbline.Host.Plugins;

/// <summary>Files that are there whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>Writes JSON to a temporary name beside the file, then renames it.</summary>
    internal static void Write(string path, JsonNode json)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            File.WriteAllText(temporary, Output.Text(json) + Environment.NewLine);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Reads a JSON object.</summary>
    /// <exception cref="PlumblineException">It is none; the message names the file and the remedy.</exception>
    internal static JsonObject Read(string path, string remedy)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new PlumblineException($"{path} holds no JSON object; {remedy}");
        }
        catch (System.Text.Json.JsonException error)
        {
            throw new PlumblineException($"{path} is no JSON (line {error.LineNumber + 1}); {remedy}", error);
        }
    }
}
