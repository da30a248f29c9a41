using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Plumbline.Host.Runs;

/// <summary>What the supervisor gives the worker to do.</summary>
internal sealed record RunJob
{
    /// <summary>The manifest after every override.</summary>
    public required JsonObject Manifest { get; init; }

    /// <summary>The folder that relative paths in the manifest start from.</summary>
    public required string BaseFolder { get; init; }

    /// <summary>The plugins folder; null for the usual one.</summary>
    public string? Plugins { get; init; }

    /// <summary>Whether the plugins folder must be as its lock says.</summary>
    public bool Locked { get; init; }

    /// <summary>Whether a plugin that ends the worker stays usable: the run is made to find out.</summary>
    public bool NoQuarantine { get; init; }

    /// <summary>The run's folder; null for a new one under <c>runs/</c>.</summary>
    public string? Out { get; init; }
}

/// <summary>Jobs and events as JSON, without reflection at start-up.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RunJob))]
[JsonSerializable(typeof(RunEvent))]
internal sealed partial class RunJson : JsonSerializerContext;
