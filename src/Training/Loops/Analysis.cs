using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;

namespace Plumbline.Training;

/// <summary>Two numbers that may go together.</summary>
public sealed record Correlation
{
    /// <summary>A metric's or a result's name.</summary>
    public required string X { get; init; }

    /// <summary>Another one's.</summary>
    public required string Y { get; init; }
}

/// <summary>Options of the loop <c>analysis</c>.</summary>
public sealed record AnalysisOptions : StageOptions
{
    /// <summary>What is measured of the policy as it is.</summary>
    public IReadOnlyList<Part<IEvaluation>> Measures { get; init; } = [];

    /// <summary>Folders of other runs to compare this one with.</summary>
    public IReadOnlyList<string> Runs { get; init; } = [];

    /// <summary>The metrics and results that the comparison shows; null: all that were measured by evaluations, and the loss.</summary>
    public IReadOnlyList<string>? Metrics { get; init; }

    /// <summary>Pairs of numbers whose correlation is told: within each run over its steps, and over the runs.</summary>
    public IReadOnlyList<Correlation> Correlations { get; init; } = [];
}

/// <summary>Measures, compares with other runs and writes a report, as JSON and to read; trains nothing.</summary>
/// <remarks>What it measures is also a step's metrics. The report's files bear the stage's name.</remarks>
[Loop(Loop.Analysis)]
public sealed class Analysis(AnalysisOptions options, StageContext stage) : ILoop
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        if (options.Measures.Count + options.Runs.Count + options.Correlations.Count == 0)
        {
            throw new PlumblineException("an analysis without measures, runs and correlations has nothing to tell; name at least one");
        }

        stage.Recorder.Begin(1);
        var measured = Measure(cancel);
        if (cancel.IsCancellationRequested)
        {
            return;
        }

        stage.Recorder.InHand(Kinds.Loop + " " + Loop.Analysis, "comparing");
        List<RunRecords> runs = [Own(measured), .. options.Runs.Select(path => RunRecords.Read(stage.Run.Resolve(path)))];
        string[] columns = [.. options.Metrics ?? [.. runs.SelectMany(run => run.Last.Keys.Where(name => name == "loss" || !run.Steps.Any(step => step.ContainsKey(name)))).Distinct()]];
        if (columns.FirstOrDefault(name => runs.All(run => !run.Last.ContainsKey(name))) is { } unknown)
        {
            throw new PlumblineException($"no run has a metric or a result '{unknown}'; they have {string.Join(", ", runs.SelectMany(run => run.Last.Keys).Distinct().Order(StringComparer.Ordinal))}");
        }

        var correlations = options.Correlations.SelectMany(pair => Correlate(pair, runs)).ToList();
        Write(columns, runs, correlations);
        stage.Recorder.Step(0, measured, 0);
    }

    /// <summary>Pearson's correlation; null where fewer than two points or no spread leave it undefined.</summary>
    internal static double? Pearson(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count < 2)
        {
            return null;
        }

        var (x, y) = (points.Average(point => point.X), points.Average(point => point.Y));
        var (xx, yy) = (points.Sum(point => Math.Pow(point.X - x, 2)), points.Sum(point => Math.Pow(point.Y - y, 2)));
        return xx > 0 && yy > 0 ? points.Sum(point => (point.X - x) * (point.Y - y)) / Math.Sqrt(xx * yy) : null;
    }

    private Dictionary<string, double> Measure(CancellationToken cancel)
    {
        var measured = new Dictionary<string, double>();
        foreach (var part in options.Measures)
        {
            if (cancel.IsCancellationRequested)
            {
                break;
            }

            stage.Recorder.InHand(Kinds.Evaluation + " " + part.Id, "evaluating");
            using var scope = torch.NewDisposeScope();
            foreach (var (name, value) in part.Create(stage.Services).Evaluate(stage, cancel))
            {
                if (!measured.TryAdd(name, value))
                {
                    throw new PlumblineException($"two measures give a result named '{name}'; set a \"name\" on one of them");
                }
            }
        }

        return measured;
    }

    /// <summary>This run so far, with what was measured just now.</summary>
    private RunRecords Own(Dictionary<string, double> measured)
    {
        var written = File.Exists(Path.Combine(stage.Run.Folder, "metrics.jsonl")) || File.Exists(Path.Combine(stage.Run.Folder, "evaluations.jsonl"))
            ? RunRecords.Read(stage.Run.Folder) : new RunRecords(string.Empty, [], new Dictionary<string, double>());
        return written with { Name = stage.Run.Name, Last = written.Last.Where(pair => !measured.ContainsKey(pair.Key)).Concat(measured).ToDictionary() };
    }

    private static IEnumerable<(string Where, Correlation Pair, int Points, double? Value)> Correlate(Correlation pair, List<RunRecords> runs)
    {
        foreach (var (name, steps, _) in runs)
        {
            if (Points(steps, pair) is { Count: > 0 } points)
            {
                yield return (name, pair, points.Count, Pearson(points));
            }
        }

        if (Points(runs.Select(run => run.Last), pair) is { Count: > 1 } over)
        {
            yield return ("over the runs", pair, over.Count, Pearson(over));
        }

        static List<(double X, double Y)> Points(IEnumerable<IReadOnlyDictionary<string, double>> records, Correlation pair) =>
            [.. records.Where(record => record.ContainsKey(pair.X) && record.ContainsKey(pair.Y)).Select(record => (record[pair.X], record[pair.Y]))];
    }

    private void Write(string[] columns, List<RunRecords> runs, List<(string Where, Correlation Pair, int Points, double? Value)> correlations)
    {
        var json = new JsonObject
        {
            ["runs"] = new JsonArray([.. runs.Select(run => new JsonObject
            {
                ["run"] = run.Name,
                ["numbers"] = new JsonObject(columns.Where(run.Last.ContainsKey).Select(name => KeyValuePair.Create(name, double.IsFinite(run.Last[name]) ? (JsonNode?)run.Last[name] : null))),
            })]),
            ["correlations"] = new JsonArray([.. correlations.Select(found => new JsonObject
            {
                ["where"] = found.Where,
                ["x"] = found.Pair.X,
                ["y"] = found.Pair.Y,
                ["points"] = found.Points,
                ["pearson"] = found.Value,
            })]),
        };
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"# {stage.Name}\n\n| run | {string.Join(" | ", columns)} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length + 1))}\n");
        foreach (var (name, _, last) in runs)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", columns.Select(column => last.TryGetValue(column, out var value) ? Number(value) : string.Empty))} |\n");
        }

        if (correlations.Count > 0)
        {
            text.Append("\n| where | x | y | points | correlation |\n| --- | --- | --- | --- | --- |\n");
            foreach (var (where, pair, points, value) in correlations)
            {
                text.Append(CultureInfo.InvariantCulture, $"| {where} | {pair.X} | {pair.Y} | {points} | {(value is { } known ? Number(known) : "undefined")} |\n");
            }
        }

        Directory.CreateDirectory(stage.Run.Folder);
        File.WriteAllText(Path.Combine(stage.Run.Folder, stage.Name + ".json"), json.ToJsonString(Indented) + "\n");
        File.WriteAllText(Path.Combine(stage.Run.Folder, stage.Name + ".md"), text.ToString());

        static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
    }
}
