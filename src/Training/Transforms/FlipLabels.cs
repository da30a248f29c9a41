using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>Options of <c>flip-labels</c>.</summary>
public sealed record FlipLabelsOptions
{
    /// <summary>The probability that a pair's label is flipped.</summary>
    [Interval(0, 1)]
    public double FlipRate { get; init; } = 0.1;
}

/// <summary>Swaps the two answers of some pairs, each with the same probability: noise for experiments with labels that can't be trusted.</summary>
/// <remarks>
/// What is swapped: <c>chosen</c> with <c>rejected</c>, and each column <c>chosen_…</c> with <c>rejected_…</c>. The column <c>flipped</c> says whether
/// a label is now the opposite of the data's, so that flips can be counted and undone. Chance is keyed by the row's index: the same rows are
/// flipped whatever their order.
/// </remarks>
[Transform("flip-labels")]
public sealed class FlipLabels(FlipLabelsOptions options) : ITransform
{
    private const string Chosen = "chosen";
    private const string Rejected = "rejected";

    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return [.. rows.Select(row => Label(row, draws.Key(row.Index).Uniform() < options.FlipRate))];
    }

    /// <summary>A row whose label was flipped or kept, with the column <c>flipped</c>.</summary>
    public static Example Label(Example row, bool flip)
    {
        ArgumentNullException.ThrowIfNull(row);
        var before = row.Columns["flipped"]?.GetValueKind() == JsonValueKind.True;
        var columns = new JsonObject(row.Columns.Where(pair => pair.Key != "flipped").Select(pair => KeyValuePair.Create(flip ? Other(pair.Key) : pair.Key, pair.Value?.DeepClone())))
        {
            ["flipped"] = before ^ flip,
        };
        return row with { Columns = columns };
    }

    private static string Other(string column) =>
        column == Chosen || column.StartsWith(Chosen + "_", StringComparison.Ordinal) ? string.Concat(Rejected, column.AsSpan(Chosen.Length))
        : column == Rejected || column.StartsWith(Rejected + "_", StringComparison.Ordinal) ? string.Concat(Chosen, column.AsSpan(Rejected.Length))
        : column;
}
