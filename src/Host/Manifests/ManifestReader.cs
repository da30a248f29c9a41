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
            for (var i = 0; i < stages.Count; i++)
            {
                if (stages[i] is JsonValue named && named.TryGetValue<string>(out var id))
                {
                    stages[i] = new JsonObject { ["use"] = id };
                }
            }

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
        var full = Normalize(manifest);
        var (unread, shared) = Share(full, parts);
        try
        {
            var bound = OptionsBinder.Bind<Manifest>(full, parts);
            return unread.Count == 0 ? bound : throw new ManifestException(unread);
        }
        catch (ManifestException wrong) when (!ReferenceEquals(wrong.Errors, unread))
        {
            // A shared option is told of once, where it stands.
            throw new ManifestException([.. wrong.Errors.Select(Placed).Distinct(), .. unread]);
        }
        catch (Exception error) when (error is not (PlumblineException or OutOfMemoryException))
        {
            // An options record that throws when it is made, set or asked to check itself.
            var cause = error.GetBaseException();
            throw new ManifestException($"{(PluginAssemblies.NameIn(cause) is { } plugin ? $"plugin '{plugin}'" : "a plugin")} failed while its options were read: {cause.GetType().Name}: {cause.Message.ReplaceLineEndings(" ")}; ask its author, or leave its parts out", error);
        }

        ManifestError Placed(ManifestError error) =>
            shared.FirstOrDefault(place => error.Path.StartsWith(place.Stage, StringComparison.Ordinal) && (error.Path.Length == place.Stage.Length || error.Path[place.Stage.Length] is '.' or '[')) is { Stage: { } stage } found
                ? error with { Path = found.Shared + error.Path[stage.Length..] } : error;
    }

    /// <summary>Gives each stage the shared options that it has and leaves open.</summary>
    /// <returns>What is wrong with them: those that no stage has; and where each one went.</returns>
    private static (List<ManifestError> Unread, List<(string Stage, string Shared)> Places) Share(JsonObject manifest, IPartResolver parts)
    {
        var places = new List<(string, string)>();
        if (manifest["defaults"] is not JsonObject defaults || manifest["stages"] is not JsonArray stages)
        {
            return ([], places);
        }

        manifest.Remove("defaults");
        var known = new HashSet<string>(StringComparer.Ordinal);
        var all = true;
        for (var i = 0; i < stages.Count; i++)
        {
            if (stages[i] is not JsonObject options || KeysOf(options, parts) is not { } keys)
            {
                // The stage itself is refused; what it might have taken is not known.
                all = false;
                continue;
            }

            known.UnionWith(keys);
            foreach (var (key, value) in defaults.Where(pair => keys.Contains(pair.Key) && !options.ContainsKey(pair.Key)))
            {
                options[key] = value?.DeepClone();
                places.Add(($"$.stages[{i}].{key}", "$.defaults." + key));
            }
        }

        return (!all ? [] : [.. defaults.Where(pair => !known.Contains(pair.Key)).Select(pair => new ManifestError(
            "$.defaults." + pair.Key, $"no stage has an option '{pair.Key}'{(Plumbline.Options.Naming.Nearest(pair.Key, known) is { } near ? $"; did you mean '{near}'?" : string.Empty)}"))], places);
    }

    /// <summary>The options of the loop, and of the part that fills the algorithm's slot, unless the stage replaces it; null where the stage names nothing that can be used.</summary>
    private static HashSet<string>? KeysOf(JsonObject stage, IPartResolver parts)
    {
        try
        {
            if (stage["use"] is not JsonValue use || !use.TryGetValue<string>(out var id))
            {
                return null;
            }

            var algorithm = parts.Find(Kinds.Algorithm, id);
            var loop = parts.Find(Kinds.Loop, algorithm?.Loop ?? id);
            var types = new[] { loop?.OptionsType, algorithm is not null && stage.ContainsKey(algorithm.Slot!) ? null : algorithm?.OptionsType };
            return loop is null ? null : [.. types.OfType<Type>().SelectMany(OptionDescription.KeysOf)];
        }
        catch (PlumblineException)
        {
            return null;
        }
    }

    private static string Reason(JsonException error)
    {
        var at = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return at < 0 ? error.Message : error.Message[..at];
    }
}
