namespace Plumbline.Plugins.Letters;

/// <summary>Options of <c>letters-ranked</c>.</summary>
public sealed record RankedLettersOptions
{
    /// <summary>Pairs that are drawn; those without a better answer are left out.</summary>
    [Positive]
    public int Count { get; init; } = 800;

    /// <summary>Another number gives other pairs.</summary>
    public int Series { get; init; }

    /// <summary>Only pairs whose drawn label names the better answer; false: all whose answers differ in value, the better one chosen.</summary>
    public bool Labelled { get; init; }
}

/// <summary>Held-out pairs of the letters task whose chosen answer is the better one by #a - #b: for measuring how a policy ranks.</summary>
[Data("letters-ranked")]
public sealed class RankedLetters(RankedLettersOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        var drawn = new LettersData(new LettersDataOptions { Rows = LettersRows.Pairs, Count = 1, HeldOut = options.Count, Series = options.Series }).Load(run).HeldOut;
        return new DataSet([], [.. drawn.Where(pair => options.Labelled ? Lead(pair) > 0 : Lead(pair) != 0).Select(pair => Lead(pair) > 0 ? pair : Swapped(pair))]);
    }

    private static int Lead(Example pair) => Letters.Balance(pair.Text("chosen")) - Letters.Balance(pair.Text("rejected"));

    private static Example Swapped(Example pair) => pair with
    {
        Columns = new() { ["prompt"] = pair.Text("prompt"), ["chosen"] = pair.Text("rejected"), ["rejected"] = pair.Text("chosen") },
    };
}
