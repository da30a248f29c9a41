using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PreferenceGame;

/// <summary>Which preferences a game has.</summary>
public enum GameKind
{
    /// <summary>σ((s_i - s_j)/2 + C_ij): normal strengths s, and an antisymmetric C of normals with deviation 2 that runs in circles.</summary>
    Intransitive,

    /// <summary>In random order: three answers that beat each other in a circle with 0.9 and every other with 0.8; the others tie.</summary>
    Cycle,

    /// <summary>Uniform in [0,1).</summary>
    Uniform,
}

/// <summary>Options of the data <c>preference-game</c>.</summary>
public sealed record PreferenceGameOptions
{
    /// <summary>Which preferences.</summary>
    public GameKind Kind { get; init; } = GameKind.Intransitive;

    /// <summary>Games; each is a prompt.</summary>
    [Positive]
    public int Games { get; init; } = 1;

    /// <summary>Answers of a game, one token each.</summary>
    [Interval(2, 1000)]
    public int Answers { get; init; } = 6;

    /// <summary>Standard deviation of the logits that a policy starts from.</summary>
    [NonNegative]
    public double StartStd { get; init; } = 1;
}

/// <summary>Games over a few answers of one token: a row has the prompt, its number, the <c>preferences</c> between its answers, and <c>start</c>, the first policy's logits.</summary>
[Data("preference-game")]
public sealed class PreferenceGame(PreferenceGameOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("preference-game");
        return new DataSet([.. Enumerable.Range(0, options.Games).Select(game => new Example(game, new JsonObject
        {
            ["prompt"] = $"{game}",
            ["preferences"] = new JsonArray([.. Preferences(draws.Key(game)).Select(row => new JsonArray([.. row.Select(value => (JsonNode)value)]))]),
            ["start"] = new JsonArray([.. Enumerable.Range(0, options.Answers).Select(i => (JsonNode)(options.StartStd * draws.Key("start").Key(game).Key(i).Normal()))]),
        }))], []);
    }

    private double[][] Preferences(Draws draws)
    {
        var order = draws.Key("order").Permutation(options.Answers);
        return [.. Enumerable.Range(0, options.Answers).Select(i => Enumerable.Range(0, options.Answers).Select(j =>
            i == j ? 0.5 : i < j ? Beats(i, j) : 1 - Beats(j, i)).ToArray())];

        double Beats(int i, int j) => options.Kind switch
        {
            GameKind.Intransitive => 1 / (1 + Math.Exp(-(0.5 * (draws.Key("strength").Key(i).Normal() - draws.Key("strength").Key(j).Normal()))
                - (2 * draws.Key("circle").Key(i).Key(j).Normal()))),
            GameKind.Uniform => draws.Key("uniform").Key(i).Key(j).Uniform(),
            _ => (order[i], order[j]) switch
            {
                ( < 3 and var a, < 3 and var b) => (b - a + 3) % 3 == 1 ? 0.9 : 0.1,
                ( < 3, _) => 0.8,
                (_, < 3) => 0.2,
                _ => 0.5,
            },
        };
    }
}

/// <summary>Rows of games as tensors.</summary>
internal static class GameRows
{
    /// <summary>[G,K,K] and [G,K], float64.</summary>
    internal static (Tensor Preferences, Tensor Start) Read(Part<IData> data, IServiceProvider services, RunContext run)
    {
        var rows = data.Create(services).Load(run).Train;
        return (
            tensor(rows.SelectMany(row => Matrix(row).SelectMany(line => line)).ToArray(), [rows.Count, Matrix(rows[0]).Length, Matrix(rows[0]).Length]),
            tensor(rows.SelectMany(row => Numbers(row, "start")).ToArray(), [rows.Count, Matrix(rows[0]).Length]));
    }

    /// <summary>P(answer beats answer) of one game.</summary>
    internal static double[][] Matrix(Example row) => row.Columns["preferences"] is JsonArray rows ? [.. rows.Select(line => line!.AsArray().Select(value => value!.GetValue<double>()).ToArray())]
        : throw new PlumblineException($"row {row.Index} of the data has no 'preferences'; take the data from preference-game");

    private static double[] Numbers(Example row, string column) => [.. row.Columns[column]!.AsArray().Select(value => value!.GetValue<double>())];
}
