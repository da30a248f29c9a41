using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Host.Claims;

/// <summary>Every number that a finished run left in its folder.</summary>
internal sealed class Measurements
{
    private static readonly string[] NotMeasured = ["stage", "stage_index", "step", "after"];
    private readonly List<JsonObject> _evaluations;
    private readonly Dictionary<string, List<JsonObject>> _steps;

    private Measurements(List<JsonObject> evaluations, Dictionary<string, List<JsonObject>> steps) => (_evaluations, _steps) = (evaluations, steps);

    /// <summary>Reads the folder of a run.</summary>
    internal static Measurements Read(string folder) => new(
        Lines(Path.Combine(folder, "evaluations.jsonl")),
        new[] { "metrics", "timings" }.ToDictionary(name => name, name => Lines(Path.Combine(folder, name + ".jsonl"))));

    /// <summary>The number that a name stands for.</summary>
    /// <exception cref="PlumblineException">There is none; the message has the nearest name that there is.</exception>
    internal double Of(MeasuredName name) => name.Steps is null ? Evaluated(name) : OfSteps(name, _steps[name.Steps]);

    private double Evaluated(MeasuredName name)
    {
        var after = name.Stage is null ? _evaluations.LastOrDefault() : _evaluations.FindLast(line => (string?)line["after"] == name.Stage);
        if (after is null)
        {
            throw new PlumblineException(_evaluations.Count == 0 ? $"[{name.Text}]: the run evaluated nothing; add an evaluation to the experiment's manifest"
                : $"[{name.Text}]: nothing was evaluated after '{name.Stage}'{Hint(name.Stage!, _evaluations.Select(line => (string)line["after"]!))}");
        }

        return Number(name, after, $"after '{after["after"]}'");
    }

    private static double OfSteps(MeasuredName name, List<JsonObject> all)
    {
        var lines = name.Stage is null ? all : all.FindAll(line => (string?)line["stage"] == name.Stage);
        if (lines.Count == 0)
        {
            throw new PlumblineException($"[{name.Text}]: {(all.Count == 0 ? "the run did no step" : $"no step was done in a stage '{name.Stage}'{Hint(name.Stage!, all.Select(line => (string)line["stage"]!))}")}");
        }

        if (name.How == "at")
        {
            var stage = StageOf(lines[^1]);
            return lines.FindLast(line => (int)line["step"]! == name.Count && StageOf(line) == stage) is { } step ? Number(name, step, $"at step {name.Count}")
                : throw new PlumblineException($"[{name.Text}]: step {name.Count} was not done; the last one is {lines[^1]["step"]}");
        }

        // Not every step has every metric: those that have it count.
        var having = lines.FindAll(line => line.ContainsKey(name.Name));
        if (having.Count == 0)
        {
            having.Add(lines[^1]);
        }

        double[] values = [.. (name is { How: "last", Count: { } last } ? having.TakeLast(last) : having).Select(line => Number(name, line, $"at step {line["step"]}"))];
        return name.How switch
        {
            "first" => values[0],
            "last" when name.Count is null => values[^1],
            "min" => values.Min(),
            "max" => values.Max(),
            "median" => Median(values),
            _ => values.Average(),
        };
    }

    private static double Number(MeasuredName name, JsonObject line, string where) =>
        !line.TryGetPropertyValue(name.Name, out var value) || NotMeasured.Contains(name.Name)
            ? throw new PlumblineException($"[{name.Text}]: nothing named '{name.Name}' was measured {where}{Hint(name.Name, line.Select(pair => pair.Key).Except(NotMeasured))}")
        : value is null ? throw new PlumblineException($"[{name.Text}]: '{name.Name}' was no finite number {where}")
        : (double)value;

    // Timings name their stage only.
    private static int StageOf(JsonObject line) => (int?)line["stage_index"] ?? 0;

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }

    private static string Hint(string name, IEnumerable<string> known)
    {
        var names = known.Distinct().ToList();
        return $"{(Naming.Nearest(name, names) is { } nearest ? $"; did you mean '{nearest}'?" : string.Empty)} (there are: {string.Join(", ", names)})";
    }

    private static List<JsonObject> Lines(string path) => File.Exists(path) ? [.. File.ReadLines(path).Select(line => JsonNode.Parse(line)!.AsObject())] : [];
}
