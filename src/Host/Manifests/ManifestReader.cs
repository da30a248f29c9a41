using System.Text.Json;
using System.Text.Json.Nodes;
using Plumbline.Host.Plugins;
using Plumbline.Options;

namespace Plumbline.Host.Manifests;

/// <summary>Reads a manifest: JSON with comments and trailing commas; nothing is bound yet.</summary>
internal static class ManifestReader
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };

    /// <summary>Reads a file.</summary>
    /// <exception cref="ManifestException">It is absent or no JSON object; the message names file and line.</exception>
    internal static JsonObject Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ManifestException($"can't read the manifest {path}: {error.Message}", error);
        }

        return Parse(text, path);
    }

    /// <summary>Reads a text; <paramref name="source"/> names it in messages.</summary>
    internal static JsonObject Parse(string text, string source)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: Lenient) as JsonObject
                ?? throw new ManifestException($"{source} is no manifest: it must be one JSON object, {{ … }}");
        }
        catch (JsonException error)
        {
            throw new ManifestException($"{source}, line {(error.LineNumber ?? 0) + 1}: {Reason(error)}", error);
        }
    }

    /// <summary>A short form to the full one: a stage gets the name of what it uses, and the key for editors goes.</summary>
    internal static JsonObject Normalize(JsonObject manifest)
    {
        var full = (JsonObject)manifest.DeepClone();
        full.Remove("$schema");
        if (full["stages"] is JsonArray stages)
        {
            foreach (var stage in stages.OfType<JsonObject>().Where(stage => !stage.ContainsKey("name")))
            {
                if (stage["use"] is JsonValue use && use.TryGetValue<string>(out var id))
                {
                    stage["name"] = id;
                }
            }
        }

        return full;
    }

    /// <summary>Fills the manifest record, loading the plugins it names.</summary>
    /// <exception cref="ManifestException">With everything that is wrong.</exception>
    internal static Manifest Bind(JsonObject manifest, IPartResolver parts)
    {
        try
        {
            return OptionsBinder.Bind<Manifest>(Normalize(manifest), parts);
        }
        catch (Exception error) when (error is not (PlumblineException or OutOfMemoryException))
        {
            // An options record that throws when it is made, set or asked to check itself.
            var cause = error.GetBaseException();
            throw new ManifestException($"{(PluginAssemblies.NameIn(cause) is { } plugin ? $"plugin '{plugin}'" : "a plugin")} failed while its options were read: {cause.GetType().Name}: {cause.Message.ReplaceLineEndings(" ")}; ask its author, or leave its parts out", error);
        }
    }

    private static string Reason(JsonException error)
    {
        var at = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return at < 0 ? error.Message : error.Message[..at];
    }
}
