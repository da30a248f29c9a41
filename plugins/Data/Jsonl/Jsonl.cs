using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Plumbline.Plugins.Jsonl;

/// <summary>Rows of a JSON Lines file: prompt and completion, or prompt, chosen and rejected.</summary>
[Data("jsonl")]
public sealed class Jsonl(JsonlOptions options, ILogger<Jsonl> log) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var path = run.Resolve(options.Path);
        if (!File.Exists(path))
        {
            throw new PlumblineException($"there is no data file {path}; {options.MissingHint ?? "check the manifest's path, which is relative to the manifest"}");
        }

        var rows = new List<Example>();
        var (number, bad) = (0, 0);
        foreach (var line in File.ReadLines(path))
        {
            if (rows.Count == options.Limit)
            {
                break;
            }

            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                rows.Add(new Example(number - 1, Row(line)));
            }
            catch (Exception error) when (error is JsonException or FormatException)
            {
                bad++;
                if (!options.SkipBad)
                {
                    throw new PlumblineException($"{path}, line {number}: {error.Message.TrimEnd('.')}. Mend the line, or set skip_bad to true", error);
                }
            }
        }

        if (bad > 0)
        {
            log.LogWarning("left out {Bad} malformed lines of {Count} in {Path}", bad, number, path);
        }

        if (rows.Count == 0)
        {
            throw new PlumblineException($"{path} has no rows{(bad > 0 ? $" but {bad} malformed ones" : string.Empty)}");
        }

        if (options.HeldOut >= rows.Count)
        {
            throw new PlumblineException($"held_out is {options.HeldOut}, and {path} has {rows.Count} rows: none would be left to learn from");
        }

        // Chosen by each row's own key, so that the same rows are held out whatever the limit of another use.
        var draws = run.Draws.Key("held-out");
        var held = rows.OrderBy(row => draws.Key(row.Index).Bits()).Take(options.HeldOut).Select(row => row.Index).ToHashSet();
        return new DataSet([.. rows.Where(row => !held.Contains(row.Index))], [.. rows.Where(row => held.Contains(row.Index))]);
    }

    private JsonObject Row(string line)
    {
        if (JsonNode.Parse(line, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) is not JsonObject row)
        {
            throw new FormatException("the line is no JSON object");
        }

        if (options.Format == RowFormat.Transcripts)
        {
            Split(row);
        }

        // Read before any is written, so that two fields can change names.
        var renamed = (options.Columns ?? []).Select(pair => (
            Name: (string)pair.Value!,
            Field: row[pair.Key]?.DeepClone() ?? throw new FormatException($"the row has no field '{pair.Key}'; it has {string.Join(", ", row.Select(field => field.Key))}"))).ToList();
        foreach (var (name, field) in renamed)
        {
            row[name] = field;
        }

        var prompt = Text(row, "prompt") ?? throw new FormatException($"the row has no text 'prompt'; it has {string.Join(", ", row.Select(pair => pair.Key))}");
        row["prompt"] = options.PromptTemplate.Replace("{prompt}", prompt, StringComparison.Ordinal);
        if (options.FinalAnswer is { Length: > 0 } marker)
        {
            var completion = Text(row, "completion") ?? throw new FormatException("final_answer is set, and the row has no text 'completion'");
            var at = completion.LastIndexOf(marker, StringComparison.Ordinal);
            row["answer"] = at < 0 ? throw new FormatException($"the completion has no '{marker}'") : completion[(at + marker.Length)..].Trim();
        }

        return row;
    }

    /// <summary>Two conversations into their shared beginning and two last answers.</summary>
    private void Split(JsonObject row)
    {
        var chosen = Text(row, "chosen") ?? throw new FormatException("the row has no text 'chosen'");
        var rejected = Text(row, "rejected") ?? throw new FormatException("the row has no text 'rejected'");
        var shared = 0;
        while (shared < Math.Min(chosen.Length, rejected.Length) && chosen[shared] == rejected[shared])
        {
            shared++;
        }

        // The last turn that begins within the part both share.
        var at = chosen.LastIndexOf(options.Turn, Math.Max(0, shared - 1), StringComparison.Ordinal);
        if (at < 0)
        {
            throw new FormatException($"chosen and rejected share no turn that begins with {JsonSerializer.Serialize(options.Turn)}");
        }

        at += options.Turn.Length;
        row["prompt"] = chosen[..at];
        row["chosen"] = chosen[at..];
        row["rejected"] = rejected[at..];
    }

    private static string? Text(JsonObject row, string name) => row[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
