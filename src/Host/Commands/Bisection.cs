using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Host.Terminal;

namespace Plumbline.Host.Commands;

/// <summary>Finds the plugin that breaks a run: <c>plumb doctor --bisect</c>.</summary>
/// <remarks>
/// The run is repeated, a few steps a stage. Where its end names a plugin that is the answer. Else what can be left out of the manifest (parts in lists: terms, observers,
/// evaluations, transforms, rewards beyond the first) is left out plugin by plugin, half of them at a time, until one is left without which the run is well.
/// </remarks>
internal sealed class Bisection(JsonObject manifest, string baseFolder, PluginCatalog catalog, int steps, Action<string> tell)
{
    /// <summary>Repeats the run until it knows.</summary>
    /// <returns>What was found: <c>culprit</c> (null where there is none), <c>why</c>, the runs made.</returns>
    internal async Task<JsonObject> FindAsync()
    {
        var runs = 0;
        var whole = await RunAsync([]).ConfigureAwait(false);
        if (Well(whole))
        {
            return Found(null, $"the manifest runs well for {steps} steps a stage; if it breaks later, give more with --steps");
        }

        var reason = Reason(whole);
        if (PluginIn(whole, reason) is { } named)
        {
            return Found(named, reason);
        }

        var suspects = Optional(manifest).Select(place => place.Plugin).Distinct().ToList();
        if (suspects.Count == 0 || !Well(await RunAsync(suspects).ConfigureAwait(false)))
        {
            return Found(null, $"the run breaks also without every part that could be left out{(suspects.Count > 0 ? $" (of {string.Join(", ", suspects)})" : string.Empty)}, and its end names no plugin: {reason}");
        }

        // Leaving all of these out mends it; one half or the other goes on breaking it by itself, or both are needed.
        while (suspects.Count > 1)
        {
            var half = suspects[..(suspects.Count / 2)];
            suspects = Well(await RunAsync(half).ConfigureAwait(false)) ? half : suspects[half.Count..];
        }

        return Well(await RunAsync(suspects).ConfigureAwait(false)) ? Found(suspects[0], $"without its parts the run is well; with them: {reason}")
            : Found(null, $"no single plugin breaks it, several together do: {reason}");

        async Task<JsonObject> RunAsync(IReadOnlyCollection<string> without)
        {
            runs++;
            var job = Without(without);
            var folder = Directory.CreateTempSubdirectory("plumb-bisect-").FullName;
            try
            {
                var ended = await new Supervisor(new NoView(), TimeSpan.FromMinutes(1)).RunAsync(
                    new RunJob { Manifest = job, BaseFolder = baseFolder, Plugins = catalog.Folder, Out = Path.Combine(folder, "run"), NoQuarantine = true }).ConfigureAwait(false);
                tell($"run {runs}{(without.Count > 0 ? $" without {string.Join(", ", without)}" : string.Empty)}: {(Well(ended) ? "well" : Reason(ended))}");
                return ended;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        JsonObject Found(string? culprit, string why) => new() { ["culprit"] = culprit, ["why"] = why, ["runs"] = runs };
    }

    private static bool Well(JsonObject ended) => (string?)ended["verdict"] is "completed" or "diagnosed";

    private static string Reason(JsonObject ended) => (string?)ended["error"] ?? (ended["errors"] is JsonArray errors ? string.Join("; ", errors.Select(error => error!.ToString())) : (string?)ended["verdict"]) ?? "unknown";

    private string? PluginIn(JsonObject ended, string reason) => (string?)ended["plugin"] is { } inHand ? inHand
        : catalog.Plugins.Where(plugin => !plugin.BuiltIn).Select(plugin => plugin.Name).Where(name => reason.Contains($"plugin '{name}'", StringComparison.Ordinal) || reason.Contains($"(plugin {name})", StringComparison.Ordinal))
            .MaxBy(name => name.Length);

    /// <summary>The manifest with short stages and without the parts of some plugins, where they can be left out.</summary>
    private JsonObject Without(IReadOnlyCollection<string> plugins)
    {
        var job = (JsonObject)manifest.DeepClone();
        foreach (var stage in (job["stages"] as JsonArray ?? []).Append(job["defaults"]).OfType<JsonObject>())
        {
            if (stage["steps"] is JsonValue planned && planned.TryGetValue<int>(out var count) && count > steps)
            {
                stage["steps"] = steps;
            }
        }

        foreach (var (_, list, item) in Optional(job).Where(place => plugins.Contains(place.Plugin)).Reverse().ToList())
        {
            list.RemoveAt(item);
        }

        return job;
    }

    /// <summary>The parts in lists, each with the plugin that brings it; at least one of the stages and of the rewards stays.</summary>
    private List<(string Plugin, JsonArray List, int Item)> Optional(JsonObject job)
    {
        var found = new List<(string, JsonArray, int)>();
        Look(job);
        return found;

        void Look(JsonObject node)
        {
            foreach (var (key, value) in node)
            {
                if (value is JsonArray list)
                {
                    for (var i = 0; i < list.Count; i++)
                    {
                        if (key != "stages" && (key != "rewards" || i > 0) && Id(list[i]) is { } id && catalog.WithId(id).FirstOrDefault(pair => !pair.Plugin.BuiltIn).Plugin is { } plugin)
                        {
                            found.Add((plugin.Name, list, i));
                        }

                        if (list[i] is JsonObject inner)
                        {
                            Look(inner);
                        }
                    }
                }
                else if (value is JsonObject inner)
                {
                    Look(inner);
                }
            }
        }

        static string? Id(JsonNode? part) => part is JsonValue text && text.TryGetValue<string>(out var id) ? id : (part as JsonObject)?["use"] is JsonValue use && use.TryGetValue<string>(out var used) ? used : null;
    }

    /// <summary>Shows nothing.</summary>
    private sealed class NoView : IRunView
    {
        public async Task ShowAsync(IAsyncEnumerable<RunEvent> events)
        {
            await foreach (var _ in events.ConfigureAwait(false))
            {
            }
        }
    }
}
