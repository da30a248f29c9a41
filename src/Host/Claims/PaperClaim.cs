using System.Text.Json.Nodes;

namespace Plumbline.Host.Claims;

/// <summary>What a paper claims, and the small experiments that say whether it holds here: a plugin's <c>claim.json</c>.</summary>
internal sealed record PaperClaim : IChecksItself
{
    /// <summary>The paper's headline in one sentence.</summary>
    public required string Claim { get; init; }

    /// <summary>Where the claim was made and how large the effect was there.</summary>
    public required PaperFigure Paper { get; init; }

    /// <summary>The experiments, run in order.</summary>
    public required IReadOnlyList<ClaimExperiment> Experiments { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Claim.Length == 0)
        {
            yield return "claim is empty; say the paper's headline in one sentence";
        }

        if (Experiments.Count == 0)
        {
            yield return "experiments is empty: nothing would be measured";
        }

        foreach (var twice in Experiments.GroupBy(experiment => experiment.Name).Where(group => group.Count() > 1))
        {
            yield return $"two experiments are named '{twice.Key}'; their runs would share a folder";
        }
    }
}

/// <summary>The paper's own figure.</summary>
internal sealed record PaperFigure
{
    /// <summary>The arXiv number.</summary>
    public required string Arxiv { get; init; }

    /// <summary>What the paper reports.</summary>
    public required string Figure { get; init; }
}

/// <summary>One small experiment: arms that differ in little, run once a seed, and what must come of them.</summary>
internal sealed record ClaimExperiment : IChecksItself
{
    /// <summary>Its name; its runs' folder has it.</summary>
    public required string Name { get; init; }

    /// <summary>What it is, in words.</summary>
    public required string Task { get; init; }

    /// <summary>Every arm is run with the seeds 0 to one less.</summary>
    [Positive]
    public int Seeds { get; init; } = 1;

    /// <summary>What the arms' manifests have in common.</summary>
    public JsonObject Manifest { get; init; } = [];

    /// <summary>By name, the keys of a manifest in which an arm differs; they replace those in common.</summary>
    public required JsonObject Arms { get; init; }

    /// <summary>What must be measured for the claim to hold.</summary>
    public required IReadOnlyList<ClaimCheck> Checks { get; init; }

    /// <summary>By name, expressions that are shown beside the checks.</summary>
    public JsonObject Report { get; init; } = [];

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (!IsFolderName(Name))
        {
            yield return $"name '{Name}' must be usable as a folder's name: letters, digits, - and _";
        }

        if (Arms.Count == 0)
        {
            yield return "arms is empty: nothing would be run";
        }

        foreach (var arm in Arms.Select(arm => arm.Key).Where(arm => !IsFolderName(arm)))
        {
            yield return $"the arm's name '{arm}' must be usable as a folder's name and in expressions: letters, digits, - and _";
        }

        if (Checks.Count == 0)
        {
            yield return "checks is empty: nothing could fail";
        }

        foreach (var check in Checks.Where(check => check.Quorum is { } quorum && quorum.Of != Seeds))
        {
            yield return $"over is '{check.Over}', and the experiment has {Seeds} seeds";
        }
    }

    private static bool IsFolderName(string name) => name.Length > 0 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_');
}
