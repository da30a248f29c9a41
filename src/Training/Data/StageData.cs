namespace Plumbline.Training;

/// <summary>Options of <c>stage-result</c>.</summary>
public sealed record StageDataOptions
{
    /// <summary>The data set's name: what the stage that made it gave as <c>as</c>, or that stage's own name.</summary>
    public required string Name { get; init; }
}

/// <summary>A data set that an earlier stage of the run has made.</summary>
[Data("stage-result")]
public sealed class StageData(StageDataOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.DataSets.TryGetValue(options.Name, out var made) ? made : throw new PlumblineException(
            $"no stage so far has made a data set '{options.Name}'; there {(run.DataSets.Count == 0 ? "is none" : "are " + string.Join(", ", run.DataSets.Keys.Order(StringComparer.Ordinal)))}. Put a stage that uses {Loop.DataStage} before this one, with \"as\": \"{options.Name}\"");
    }
}
