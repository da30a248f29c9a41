using System.Globalization;
using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Gpm;

/// <summary>Answers of types that beat each other in a circle, written as numbers: a noisy one-hot type and features that mean nothing; of the claim of gpm.</summary>
[Data("gpm-cycles")]
public sealed class Cycles(CyclesOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("gpm").Key("cycles");
        Example[] rows = [.. Enumerable.Range(0, 2 * options.Pairs).Select(i =>
        {
            var (own, type) = (draws.Key(i), draws.Key(i).Key("type").Below(options.Types));
            return new Example(i, new JsonObject { ["prompt"] = "x", ["chosen"] = Answer(own.Key(0), type), ["rejected"] = Answer(own.Key(1), (type + 1) % options.Types) });
        })];
        return new(rows[..options.Pairs], rows[options.Pairs..]);
    }

    private string Answer(Draws draws, int type) => string.Join(' ', Enumerable.Range(0, options.Types + options.Irrelevant).Select(i =>
        Math.Round(i < options.Types ? (i == type ? 1 : 0) + (0.3 * draws.Key(i).Normal()) : draws.Key(i).Normal(), 6).ToString(CultureInfo.InvariantCulture)));
}

/// <summary>Options of <c>gpm-cycles</c>.</summary>
public sealed record CyclesOptions
{
    /// <summary>Types; each beats the next one.</summary>
    [Positive]
    public int Types { get; init; } = 3;

    /// <summary>Features that mean nothing.</summary>
    [NonNegative]
    public int Irrelevant { get; init; } = 8;

    /// <summary>Pairs to learn from, and as many to test.</summary>
    [Positive]
    public int Pairs { get; init; } = 2000;
}
