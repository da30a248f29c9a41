using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Host.Manifests;

/// <summary>The number format of weights and activations.</summary>
internal enum Precision
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>Double precision.</summary>
    Float64,

    /// <summary>Half width with the range of single precision.</summary>
    Bfloat16,
}

/// <summary>What a user asks for: a model, what it learns from, stage by stage, and how it is measured.</summary>
internal sealed record Manifest : IChecksItself
{
    /// <summary>The run's name; its folder begins with it.</summary>
    public required string Name { get; init; }

    /// <summary>Every draw of the run is keyed by it.</summary>
    public long Seed { get; init; }

    /// <summary>Where relative paths start from; null: the manifest's own folder. The resolved manifest of a run names it.</summary>
    public string? BaseFolder { get; init; }

    /// <summary>Where tensors live: cpu, cuda, cuda:1, or auto for cuda where there is one.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>The number format of weights and activations.</summary>
    public Precision Dtype { get; init; } = Precision.Float32;

    /// <summary>Threads of the CPU's operators; null: as many as cores. Another number may change the last digits.</summary>
    [Positive]
    public int? Threads { get; init; }

    /// <summary>Seconds that one call of a reward or a judge may take, for all the completions of a step; the run is ended when one takes longer, and its plugin is named. Null: as long as --hang-after allows.</summary>
    [Positive]
    public double? CallTimeout { get; init; }

    /// <summary>Seconds between savings of the weights within a stage. They are saved after a run's first step too, at the end of each stage and when the run stops; null: only then.</summary>
    [Positive]
    public double? SaveEvery { get; init; } = 300;

    /// <summary>What learns; null for stages that need no model.</summary>
    public Part<IModel>? Model { get; init; }

    /// <summary>Measured before the first stage and after each.</summary>
    public IReadOnlyList<Part<IEvaluation>> Evaluate { get; init; } = [];

    /// <summary>Options that the stages share: each stage takes those that it has and does not give itself. So a stage may be as short as { "use": "grpo" }.</summary>
    public JsonObject? Defaults { get; init; }

    /// <summary>Run in order; the models of one are where the next begins.</summary>
    public required IReadOnlyList<Part<ILoop>> Stages { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Name.Length == 0 || Name.IndexOfAny(['/', '\\', '\0']) >= 0 || Name.StartsWith('.'))
        {
            yield return "name must be usable as a folder's name: not empty, no slash, no dot at the beginning";
        }

        if (Stages.Count == 0)
        {
            yield return "stages is empty: nothing would be done; add a stage such as { \"use\": \"sft\", … }";
        }

        if (Devices.Problem(Device) is { } problem)
        {
            yield return problem;
        }
    }
}
