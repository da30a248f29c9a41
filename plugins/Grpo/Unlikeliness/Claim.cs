using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Unlikeliness;

/// <summary>Options of the model <c>unlikeliness-strategies</c>.</summary>
public sealed record StrategiesModelOptions
{
    /// <summary>Twenty-four numbers.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Belongs to the claim of unlikeliness: one distribution over twenty-four strategies for all problems, falling from the first to the last.</summary>
[Model("unlikeliness-strategies")]
public sealed class StrategiesModel(StrategiesModelOptions options, RunContext run, IServiceProvider services)
    : TableModel((options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), Start(run))
{
    private static Tensor Start(RunContext run) =>
        tensor(Enumerable.Range(0, Strategies.Count).Select(i => 2 - (4.0 * i / (Strategies.Count - 1))).ToArray(), [1, 1, Strategies.Count], device: run.Device).to_type(run.Dtype);
}

/// <summary>Belongs to the claim of unlikeliness: sixty problems, each solved by three rare strategies and half of them by the three commonest too; half are held out.</summary>
[Data("unlikeliness-strategies")]
public sealed class Strategies : IData
{
    internal const int Count = 24;

    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("unlikeliness-strategies");
        var problems = draws.Key("order").Permutation(60).Select(problem => new Example(problem, new JsonObject
        {
            ["prompt"] = "0",
            ["solved_by"] = new JsonArray([.. draws.Key("rare").Key(problem).Permutation(Count - 6).Take(3).Select(rare => rare + 6).Concat(problem < 30 ? [0, 1, 2] : []).Select(id => (JsonNode)id)]),
        })).ToArray();
        return new DataSet(problems[..30], problems[30..]);
    }

    internal static IEnumerable<int> SolvedBy(Example example) => example.Columns["solved_by"]!.AsArray().Select(id => id!.GetValue<int>());
}

/// <summary>Belongs to the claim of unlikeliness: 1 where the strategy solves the problem, else 0.</summary>
[Reward("unlikeliness-strategies")]
public sealed class StrategiesReward : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) =>
        Strategies.SolvedBy((rollout ?? throw new ArgumentNullException(nameof(rollout))).Example).Contains(rollout.Completion[0]) ? 1 : 0;
}

/// <summary>Belongs to the claim of unlikeliness: exact pass@1 and pass@128 on the held-out problems.</summary>
[Evaluation("unlikeliness-strategies")]
public sealed class StrategiesEvaluation : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var p = ((TableModel)stage.Policy).Values[0, 0].softmax(0).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        double[] solved = [.. new Strategies().Load(stage.Run).HeldOut.Select(problem => Strategies.SolvedBy(problem).Sum(id => p[id]))];
        return new Dictionary<string, double>
        {
            ["pass_at_1"] = solved.Average(),
            ["pass_at_128"] = solved.Average(one => 1 - Math.Pow(1 - one, 128)),
        };
    }
}
