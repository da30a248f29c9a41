using System.Text.Json.Nodes;

namespace Plumbline.Plugins.SubsetSelection;

/// <summary>Rows to the k that several score columns, each a ranking, together prefer: by a multiwinner score, with quotas for groups.</summary>
/// <remarks>Chosen rows follow in the order of choice, with the column <c>selected</c>, their place from 0. Lots follow in the order of their first row.</remarks>
[Transform("subset-selection", Paper = "2306.09835", Title = "Subset Selection Based On Multiple Rankings in the Presence of Bias: Effectiveness of Fairness Constraints for Multiwinner Voting Score Functions")]
public sealed class SelectedRows(SubsetSelectionOptions options) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var lots = options.Within is { } column ? rows.GroupBy(row => Value(row, column)) : rows.GroupBy(_ => string.Empty);
        return [.. lots.SelectMany(lot =>
        {
            cancel.ThrowIfCancellationRequested();
            Example[] of = [.. lot];
            return Chosen(of).Select((id, place) =>
            {
                var columns = of[id].Columns.DeepClone().AsObject();
                columns["selected"] = place;
                return of[id] with { Columns = columns };
            });
        })];
    }

    private IReadOnlyList<int> Chosen(Example[] rows)
    {
        var k = Math.Min(options.K, rows.Length);
        var rankings = new Rankings([.. options.Scores.Select(column => Rankings.ByValue([.. rows.Select(row => row.FindNumber(column)
            ?? throw new PlumblineException($"row {row.Index} of the data has no number '{column}' to rank it by; it has {string.Join(", ", row.Columns.Select(pair => pair.Key))}"))]))]);
        string[] names = [.. rows.Select(row => options.Group is { } column ? Value(row, column) : string.Empty)];
        List<string> known = [.. names.Distinct()];
        int[] groups = [.. names.Select(name => known.IndexOf(name))];
        var quotas = options.Quotas is { } kind ? SubsetSelection.QuotasOf(groups, k, new QuotaOptions { Kind = kind }) : null;
        int[] lower = [.. known.Select((name, group) => Bounds(name)?.Lower ?? quotas?.Lower[group] ?? 0)];
        int[] upper = [.. known.Select((name, group) => Bounds(name) is { } bounds ? bounds.Upper ?? k : quotas?.Upper[group] ?? k)];
        if (options.Bounds.FirstOrDefault(bounds => bounds.Lower > 0 && !known.Contains(bounds.Group)) is { } absent)
        {
            throw new PlumblineException($"the bounds want {absent.Lower} rows of group '{absent.Group}', and there is none{(options.Within is null ? string.Empty : " among those of one lot")}; the groups are {string.Join(", ", known)}");
        }

        return (options.Search == SearchKind.Auto && rows.Length <= SubsetSelection.MostForExact
            ? SubsetSelection.Exact(rankings, groups, k, options.Rule, lower, upper)
            : SubsetSelection.Greedy(rankings, groups, k, options.Rule, lower, upper)).Subset;

        GroupBounds? Bounds(string name) => options.Bounds.FirstOrDefault(bounds => bounds.Group == name);
    }

    private static string Value(Example row, string column) => row.Columns[column] switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        { } other => other.ToJsonString(),
        null => throw new PlumblineException($"row {row.Index} of the data has no '{column}'; it has {string.Join(", ", row.Columns.Select(pair => pair.Key))}"),
    };
}
