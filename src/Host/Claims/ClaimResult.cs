using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Plumbline.Host.Claims;

/// <summary>What came of a paper's claim. It has no time in it: the same seeds give the same result.</summary>
internal sealed record ClaimResult
{
    /// <summary>Every check held.</summary>
    internal const string Held = "held";

    /// <summary>Everything was measured, and some check did not hold.</summary>
    internal const string NotHeld = "not held";

    /// <summary>A run failed, or something could not be measured.</summary>
    internal const string Failed = "failed";

    /// <summary>Ctrl-C ended it.</summary>
    internal const string Interrupted = "interrupted";

    /// <summary>The paper's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its title.</summary>
    public string? Title { get; init; }

    /// <summary>The claim.</summary>
    public required string Claim { get; init; }

    /// <summary>Where the claim was made.</summary>
    public required string Arxiv { get; init; }

    /// <summary>What the paper reports.</summary>
    public required string Figure { get; init; }

    /// <summary>Held, not held, failed or interrupted.</summary>
    public required string Verdict { get; init; }

    /// <summary>What computed it.</summary>
    public required string Engine { get; init; }

    /// <summary>What was measured.</summary>
    public required IReadOnlyList<ExperimentResult> Experiments { get; init; }

    /// <summary>Runs that failed, and what could not be measured.</summary>
    public required IReadOnlyList<string> Failures { get; init; }

    /// <summary>Every check.</summary>
    [JsonIgnore]
    public IEnumerable<CheckResult> Checks => Experiments.SelectMany(experiment => experiment.Checks);
}

/// <summary>What came of an experiment.</summary>
internal sealed record ExperimentResult
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required string Task { get; init; }

    /// <summary>Seeds each arm was run with.</summary>
    public required int Seeds { get; init; }

    /// <summary>The checks.</summary>
    public required IReadOnlyList<CheckResult> Checks { get; init; }

    /// <summary>Numbers without a threshold.</summary>
    public required IReadOnlyList<NumberResult> Report { get; init; }
}

/// <summary>A number that was measured, once a seed.</summary>
internal record NumberResult
{
    /// <summary>What it is.</summary>
    public required string That { get; init; }

    /// <summary>The expression.</summary>
    public required string Value { get; init; }

    /// <summary>The mean over the seeds; null where it could not be measured.</summary>
    public double? Mean { get; init; }

    /// <summary>The number of each seed.</summary>
    public IReadOnlyList<double> Seeds { get; init; } = [];
}

/// <summary>A number with its threshold.</summary>
internal sealed record CheckResult : NumberResult
{
    /// <summary>What had to obey: mean, every-seed, 4-of-5.</summary>
    public required string Over { get; init; }

    /// <summary>The threshold in words.</summary>
    public required string Threshold { get; init; }

    /// <summary>Whether it held; null where it could not be measured.</summary>
    public bool? Held { get; init; }
}

/// <summary>Results as JSON.</summary>
[JsonSerializable(typeof(List<ClaimResult>))]
internal sealed partial class ClaimsJson : JsonSerializerContext
{
    /// <summary>As this, with letters beyond ASCII as they are.</summary>
    internal static readonly ClaimsJson Readable = new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
