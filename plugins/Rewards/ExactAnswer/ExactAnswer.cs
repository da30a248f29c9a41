using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Plugins.ExactAnswer;

/// <summary>Options of <c>exact-answer</c>.</summary>
public sealed record ExactAnswerOptions
{
    /// <summary>What comes before the final answer, such as <c>####</c>; the last one counts. Null: the whole text is the answer.</summary>
    public string? Marker { get; init; }

    /// <summary>Compare as numbers where both are, so that 1,000 and 1000.0 are equal; else as text.</summary>
    public bool Numeric { get; init; } = true;

    /// <summary>The score of a right answer.</summary>
    public double Correct { get; init; } = 1.0;

    /// <summary>The score of a wrong answer.</summary>
    public double Wrong { get; init; }

    /// <summary>The column of the example that holds the right answer.</summary>
    public string Column { get; init; } = "answer";
}

/// <summary>One where the completion's final answer equals the example's, else zero.</summary>
[Reward("exact-answer")]
public sealed class ExactAnswer(ExactAnswerOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Final(rollout.Text) is { } answer && Same(answer, Right(rollout.Example)) ? options.Correct : options.Wrong;
    }

    /// <summary>The right answer; a column may hold it as a JSON number.</summary>
    private string Right(Example example) =>
        example.Columns[options.Column] is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? value.ToJsonString() : example.Text(options.Column).Trim();

    private string? Final(string text)
    {
        if (options.Marker is not { Length: > 0 } marker)
        {
            return text.Trim();
        }

        var at = text.LastIndexOf(marker, StringComparison.Ordinal);
        return at < 0 ? null : text[(at + marker.Length)..].Trim();
    }

    private bool Same(string answer, string right) =>
        options.Numeric && Number(answer) is { } a && Number(right) is { } b ? a == b : answer == right;

    /// <summary>A number without thousands separators, currency sign and closing full stop.</summary>
    private static decimal? Number(string text) =>
        decimal.TryParse(text.Replace(",", string.Empty, StringComparison.Ordinal).Replace("$", string.Empty, StringComparison.Ordinal).TrimEnd('.', '%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
