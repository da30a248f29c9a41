using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Jsonl;

/// <summary>The shape of a file's rows.</summary>
public enum RowFormat
{
    /// <summary>Fields as they are: prompt and completion, or prompt, chosen and rejected.</summary>
    Columns,

    /// <summary>chosen and rejected are whole conversations that share their beginning; the last turn of the assistant is the answer.</summary>
    Transcripts,
}

/// <summary>Options of <c>jsonl</c>.</summary>
public sealed record JsonlOptions : IChecksItself
{
    /// <summary>The file, relative to the manifest.</summary>
    public required string Path { get; init; }

    /// <summary>The shape of the rows.</summary>
    public RowFormat Format { get; init; } = RowFormat.Columns;

    /// <summary>What begins an assistant's turn in a transcript.</summary>
    public string Turn { get; init; } = "\n\nAssistant:";

    /// <summary>Renames: the field's name in the file, then the name it gets, such as <c>{ "question": "prompt" }</c>.</summary>
    public JsonObject? Columns { get; init; }

    /// <summary>What a prompt becomes; <c>{prompt}</c> stands for it.</summary>
    public string PromptTemplate { get; init; } = "{prompt}";

    /// <summary>Fills the column <c>answer</c> with what follows the last such marker in the completion, such as <c>####</c>.</summary>
    public string? FinalAnswer { get; init; }

    /// <summary>Leave malformed lines out, counted in the log, instead of ending the run.</summary>
    public bool SkipBad { get; init; }

    /// <summary>Rows kept apart for evaluation; which ones depends on the run's seed.</summary>
    [NonNegative]
    public int HeldOut { get; init; }

    /// <summary>At most so many rows, the first ones; null: all.</summary>
    [Positive]
    public int? Limit { get; init; }

    /// <summary>Where to get the file; shown where it is absent.</summary>
    public string? MissingHint { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        foreach (var (from, to) in Columns ?? [])
        {
            if (to is not JsonValue value || !value.TryGetValue<string>(out _))
            {
                yield return $"columns.{from} must be the new name of the field, as text";
            }
        }

        if (!PromptTemplate.Contains("{prompt}", StringComparison.Ordinal))
        {
            yield return "prompt_template has no {prompt}, so every row would have the same prompt";
        }

        if (Turn.Length == 0)
        {
            yield return "turn must not be empty: it marks where an answer begins";
        }
    }
}
