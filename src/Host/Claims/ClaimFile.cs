using System.Text.Json.Nodes;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Options;

namespace Plumbline.Host.Claims;

/// <summary>A plugin's claim, read and checked: everything about it that can be known before a run is known to be right.</summary>
internal sealed record ClaimFile
{
    /// <summary>The file's name in a plugin's folder.</summary>
    internal const string Name = "claim.json";

    /// <summary>Keys of a manifest that the reproduction fills in itself.</summary>
    private static readonly string[] Own = ["name", "seed", "base_folder"];

    private ClaimFile(Paper paper, PaperClaim claim, IReadOnlyList<ClaimRun> runs) => (Paper, Claim, Runs) = (paper, claim, runs);

    /// <summary>The paper and its plugin.</summary>
    internal Paper Paper { get; }

    /// <summary>The claim.</summary>
    internal PaperClaim Claim { get; }

    /// <summary>Every run it needs.</summary>
    internal IReadOnlyList<ClaimRun> Runs { get; }

    /// <summary>Reads a paper's claim. Loads the plugins that its arms name, and makes no tensor.</summary>
    /// <param name="paper">The paper.</param>
    /// <param name="registry">The installed parts.</param>
    /// <param name="seeds">Seeds to run each arm with instead of the claim's; null: the claim's.</param>
    /// <exception cref="ManifestException">With everything that is wrong, each with its JSON path after the paper's id.</exception>
    internal static ClaimFile Read(Paper paper, PartRegistry registry, int? seeds = null)
    {
        if (paper.ClaimPath is not { } path)
        {
            throw new ManifestException($"plugin '{paper.Plugin.Name}' ({paper.Plugin.Folder}) has no {Name}: it claims nothing that could be reproduced");
        }

        return Parse(File.ReadAllText(path), paper, registry, seeds);
    }

    /// <summary>Reads a claim's text.</summary>
    internal static ClaimFile Parse(string text, Paper paper, PartRegistry registry, int? seeds = null)
    {
        var json = ManifestReader.Parse(text, $"{paper.Id}/{Name}");
        var claim = OptionsBinder.Bind<PaperClaim>(json, registry, $"{paper.Id}: $");
        var errors = new List<ManifestError>();
        var runs = new List<ClaimRun>();
        foreach (var (experiment, i) in claim.Experiments.Select((experiment, i) => (experiment, i)))
        {
            var path = $"{paper.Id}: $.experiments[{i}]";
            var stages = experiment.Arms.ToDictionary(arm => arm.Key, arm => Bind(experiment, arm.Key, path, registry, errors));
            CheckExpressions(experiment, path, stages, errors);
            runs.AddRange(Enumerable.Range(0, seeds ?? experiment.Seeds).SelectMany(seed => experiment.Arms.Select(arm =>
                new ClaimRun(experiment, arm.Key, seed, arm.Value is JsonObject keys ? ManifestOf(experiment, arm.Key, keys, seed) : []))));
        }

        return errors.Count == 0 ? new ClaimFile(paper, claim, runs) : throw new ManifestException(errors);
    }

    /// <summary>The manifest of one arm with one seed.</summary>
    private static JsonObject ManifestOf(ClaimExperiment experiment, string arm, JsonObject keys, int seed)
    {
        // What is small and is compared runs alike everywhere: on one thread of the CPU.
        var manifest = new JsonObject { ["name"] = $"{experiment.Name}-{arm}", ["seed"] = seed, ["device"] = "cpu", ["threads"] = 1 };
        foreach (var (key, value) in experiment.Manifest.Concat(keys))
        {
            manifest[key] = value?.DeepClone();
        }

        return manifest;
    }

    /// <summary>Binds an arm's manifest as a run does, and gives the names of its stages; errors are named where the author wrote them.</summary>
    private static HashSet<string> Bind(ClaimExperiment experiment, string arm, string path, PartRegistry registry, List<ManifestError> errors)
    {
        if (experiment.Arms[arm] is not JsonObject keys)
        {
            errors.Add(new ManifestError($"{path}.arms.{arm}", "an arm is an object: the keys of a manifest in which it differs"));
            return [];
        }

        foreach (var (where, key) in experiment.Manifest.Select(pair => ("manifest", pair.Key)).Concat(keys.Select(pair => ($"arms.{arm}", pair.Key))).Where(pair => Own.Contains(pair.Item2)))
        {
            errors.Add(new ManifestError($"{path}.{where}.{key}", $"'{key}' is filled in for each run; take it out"));
        }

        try
        {
            var bound = ManifestReader.Bind(ManifestOf(experiment, arm, keys, 0), registry);
            return [.. bound.Stages.Select(stage => (stage.Options as StageOptions)?.Name ?? stage.Id)];
        }
        catch (ManifestException refused)
        {
            errors.AddRange(refused.Errors.Select(error => new ManifestError(Place(error.Path), error.Message)).Where(error => !errors.Contains(error)));
            return [];
        }

        string Place(string inManifest)
        {
            var key = inManifest.TrimStart('$').TrimStart('.').Split('.', '[')[0];
            return $"{path}.{(keys.ContainsKey(key) || !experiment.Manifest.ContainsKey(key) ? $"arms.{arm}" : "manifest")}{inManifest[1..]}";
        }
    }

    private static void CheckExpressions(ClaimExperiment experiment, string path, Dictionary<string, HashSet<string>> stages, List<ManifestError> errors)
    {
        foreach (var (check, i) in experiment.Checks.Select((check, i) => (check, i)))
        {
            Check($"{path}.checks[{i}].value", check.Value);
        }

        foreach (var (name, value) in experiment.Report)
        {
            if (value is JsonValue given && given.TryGetValue<string>(out var text))
            {
                Check($"{path}.report.{name}", text);
            }
            else
            {
                errors.Add(new ManifestError($"{path}.report.{name}", "expected an expression, such as \"[arm.result]\""));
            }
        }

        void Check(string where, string text)
        {
            try
            {
                foreach (var name in ClaimExpression.Parse(text).Names)
                {
                    if (!stages.TryGetValue(name.Arm, out var known))
                    {
                        errors.Add(new ManifestError(where, $"[{name.Text}]: there is no arm '{name.Arm}'{Hint(name.Arm, stages.Keys)}"));
                    }
                    else if (known.Count > 0 && name.Stage is { } stage && !known.Contains(stage) && (name.Steps is not null || stage != MeasuredName.Start))
                    {
                        errors.Add(new ManifestError(where, $"[{name.Text}]: arm '{name.Arm}' has no stage '{stage}'{Hint(stage, known)}"));
                    }
                }
            }
            catch (PlumblineException wrong)
            {
                errors.Add(new ManifestError(where, wrong.Message));
            }
        }
    }

    private static string Hint(string name, IReadOnlyCollection<string> known) =>
        $"{(Naming.Nearest(name, known) is { } nearest ? $"; did you mean '{nearest}'?" : string.Empty)} (there are: {string.Join(", ", known)})";
}

/// <summary>One run of a claim: an arm with a seed.</summary>
/// <param name="Experiment">The experiment.</param>
/// <param name="Arm">The arm.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Manifest">The whole manifest.</param>
internal sealed record ClaimRun(ClaimExperiment Experiment, string Arm, int Seed, JsonObject Manifest)
{
    /// <summary>Where it lies under the reproduction's folder, and its name in messages.</summary>
    internal string Path => $"{Experiment.Name}/{Arm}-{Seed}";
}
