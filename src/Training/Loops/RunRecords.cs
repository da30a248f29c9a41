using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>What a run has written: its steps, and what was measured of it last.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Steps">The numbers of each step of metrics.jsonl, in order.</param>
/// <param name="Last">Each number as it was told last; an evaluation's hides a step's of the same name.</param>
internal sealed record RunRecords(string Name, IReadOnlyList<Dictionary<string, double>> Steps, IReadOnlyDictionary<string, double> Last)
{
    /// <summary>The records of a run's folder.</summary>
    /// <exception cref="PlumblineException">There is none, or a line is no JSON; the message names file and line.</exception>
    internal static RunRecords Read(string folder)
    {
        var (steps, measured) = (Lines(Path.Combine(folder, "metrics.jsonl")), Lines(Path.Combine(folder, "evaluations.jsonl")));
        if (steps is null && measured is null)
        {
            throw new PlumblineException($"{folder} is no run's folder: it has neither metrics.jsonl nor evaluations.jsonl");
        }

        var last = new Dictionary<string, double>();
        foreach (var (name, value) in (steps ?? []).Concat(measured ?? []).SelectMany(line => line))
        {
            last[name] = value;
        }

        return new RunRecords(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), steps ?? [], last);
    }

    private static List<Dictionary<string, double>>? Lines(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var lines = new List<Dictionary<string, double>>();
        // The run may still be writing.
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            try
            {
                var numbers = JsonNode.Parse(line)!.AsObject().Where(pair => pair.Value?.GetValueKind() == JsonValueKind.Number && pair.Key is not ("step" or "stage_index"));
                lines.Add(numbers.ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<double>()));
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException)
            {
                throw new PlumblineException($"line {number} of {path} is no JSON object", error);
            }
        }

        return lines;
    }
}
