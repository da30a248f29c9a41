using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>Options of <c>seeds</c>.</summary>
public sealed record SeedsOptions
{
    /// <summary>The first seed.</summary>
    public long First { get; init; }

    /// <summary>How many tasks to learn from.</summary>
    [Positive]
    public int Count { get; init; } = 64;

    /// <summary>How many are kept apart; their seeds come after those.</summary>
    [NonNegative]
    public int HeldOut { get; init; }
}

/// <summary>Tasks of an environment by their seeds: rows with a number <c>seed</c>.</summary>
[Data("seeds")]
public sealed class Seeds(SeedsOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Rows(0, options.Count)], [.. Rows(options.Count, options.HeldOut)]);

    private IEnumerable<Example> Rows(int from, int count) => Enumerable.Range(from, count).Select(row => new Example(row, new JsonObject { ["seed"] = options.First + row }));
}
