using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Host.Runs;

namespace Plumbline.Host.Claims;

/// <summary>Compares what a claim's runs measured with what it asks.</summary>
internal sealed class Judgement(ClaimFile file, IReadOnlyList<RunOutcome> outcomes)
{
    private readonly List<string> _failures = [];

    /// <summary>The result. Every experiment whose runs all went to their end is judged, whatever became of the others.</summary>
    internal ClaimResult Result(string engine)
    {
        _failures.Clear();
        _failures.AddRange(outcomes.Where(outcome => outcome is { WentToItsEnd: false, WasInterrupted: false }).Select(outcome => $"run {outcome.Run.Path}: {outcome.Words}"));
        var experiments = file.Claim.Experiments.Select(Judge).ToList();
        var checks = experiments.SelectMany(experiment => experiment.Checks).ToList();
        return new ClaimResult
        {
            Id = file.Paper.Id,
            Title = file.Paper.Title,
            Claim = file.Claim.Claim,
            Arxiv = file.Claim.Paper.Arxiv,
            Figure = file.Claim.Paper.Figure,
            Verdict = _failures.Count > 0 ? ClaimResult.Failed
                : outcomes.Any(outcome => outcome.WasInterrupted) ? ClaimResult.Interrupted
                : checks.TrueForAll(check => check.Held == true) ? ClaimResult.Held : ClaimResult.NotHeld,
            Engine = engine,
            Experiments = experiments,
            Failures = _failures,
        };
    }

    private ExperimentResult Judge(ClaimExperiment experiment)
    {
        var own = outcomes.Where(outcome => outcome.Run.Experiment == experiment).ToList();
        // By seed, then by arm; null where a run left nothing to measure.
        var seeds = own.TrueForAll(outcome => outcome.WentToItsEnd)
            ? own.GroupBy(outcome => outcome.Run.Seed).OrderBy(group => group.Key)
                .Select(group => group.ToDictionary(outcome => outcome.Run.Arm, outcome => Measurements.Read(outcome.Folder))).ToList()
            : null;
        return new ExperimentResult
        {
            Name = experiment.Name,
            Task = experiment.Task,
            Seeds = own.Select(outcome => outcome.Run.Seed).Distinct().Count(),
            Checks = [.. experiment.Checks.Select(check => Judge(check, Measure(check.That, check.Value)))],
            Report = [.. experiment.Report.Select(number => Number(number.Key, (string)number.Value!, Measure(number.Key, (string)number.Value!)))],
        };

        IReadOnlyList<double> Measure(string what, string value)
        {
            try
            {
                var expression = ClaimExpression.Parse(value);
                return seeds is null ? [] : [.. seeds.Select((arms, seed) => Finite(expression.Evaluate(name => arms[name.Arm].Of(name)), seed))];
            }
            catch (PlumblineException unknown)
            {
                _failures.Add($"experiment {experiment.Name}, '{what}': {unknown.Message}");
                return [];
            }

            double Finite(double number, int seed) => double.IsFinite(number) ? number
                : throw new PlumblineException($"{value} is {number.ToString(CultureInfo.InvariantCulture)} with seed {seed}");
        }
    }

    private static CheckResult Judge(ClaimCheck check, IReadOnlyList<double> seeds) => new()
    {
        That = check.That,
        Value = check.Value,
        Over = check.Over,
        Threshold = check.Threshold,
        Mean = seeds.Count == 0 ? null : Rounded(seeds.Average()),
        Seeds = [.. seeds.Select(Rounded)],
        Held = seeds.Count == 0 ? null : check.Holds(seeds),
    };

    private static NumberResult Number(string name, string value, IReadOnlyList<double> seeds) =>
        new() { That = name, Value = value, Mean = seeds.Count == 0 ? null : Rounded(seeds.Average()), Seeds = [.. seeds.Select(Rounded)] };

    /// <summary>To what is worth keeping: later digits differ from machine to machine.</summary>
    private static double Rounded(double value) => double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

/// <summary>How one of a claim's runs ended.</summary>
/// <param name="Run">The run.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Result">As in result.json.</param>
/// <param name="Took">How long it took.</param>
internal sealed record RunOutcome(ClaimRun Run, string Folder, JsonObject Result, TimeSpan Took)
{
    /// <summary>Its exit code.</summary>
    internal int ExitCode => (int)Result["exit_code"]!;

    /// <summary>Whether it did all it was to do; a diagnosis does not keep it from being measured.</summary>
    internal bool WentToItsEnd => ExitCode is ExitCodes.Success or ExitCodes.Diagnosed;

    /// <summary>Whether Ctrl-C ended it.</summary>
    internal bool WasInterrupted => ExitCode == ExitCodes.Interrupted;

    /// <summary>The verdict and its reason.</summary>
    internal string Words
    {
        get
        {
            var why = string.Join("; ", new[] { (string?)Result["error"] }
                .Concat((Result["errors"] as JsonArray ?? []).Select(error => (string?)error))
                .Concat((Result["diagnoses"] as JsonArray ?? []).Select(diagnosis => (string?)diagnosis!["name"]))
                .Where(words => words is not null));
            return $"{Result["verdict"]}{(WentToItsEnd ? string.Empty : $", exit code {ExitCode}")}{(why.Length > 0 ? $": {why}" : string.Empty)}";
        }
    }

    /// <summary>Not begun, for the user had enough.</summary>
    internal static RunOutcome NotBegun(ClaimRun run, string folder) =>
        new(run, folder, new JsonObject { ["verdict"] = ClaimResult.Interrupted, ["exit_code"] = ExitCodes.Interrupted }, TimeSpan.Zero);
}
