using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Oreo;

/// <summary>Noisy chains of the claim of oreo: in each of 6 states one of 4 actions goes on with probability 0.95, the others with 0.6, else the episode fails; the end is success.</summary>
internal static class Chains
{
    internal const int Count = 4;
    internal const int States = 6;
    internal const int Actions = 4;

    internal static int Good(RunContext run, int chain, int state) => run.Draws.Key("oreo").Key("good").Key(chain).Key(state).Below(Actions);

    internal static double GoesOn(RunContext run, int chain, int state, int action) => action == Good(run, chain, state) ? 0.95 : 0.6;
}

/// <summary>The chains, a row each; of the claim of oreo.</summary>
[Data("oreo-chains")]
public sealed class ClaimChains : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, Chains.Count).Select(chain => new Example(chain, new JsonObject { ["prompt"] = chain.ToString(CultureInfo.InvariantCulture) }))], []);
}

/// <summary>What trajectories become.</summary>
public enum ClaimRows
{
    /// <summary>Answers in steps with their outcome.</summary>
    Trajectories,

    /// <summary>Completions to imitate: the successes.</summary>
    Successes,

    /// <summary>Pairs: each success with at most four failures of its chain.</summary>
    Pairs,
}

/// <summary>Options of <c>oreo-trajectories</c>.</summary>
public sealed record ClaimTrajectoriesOptions
{
    /// <summary>What chooses the actions.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>Trajectories a chain.</summary>
    [Positive]
    public int Trajectories { get; init; } = 256;

    /// <summary>What they become.</summary>
    public ClaimRows Rows { get; init; } = ClaimRows.Trajectories;
}

/// <summary>Chains to trajectories of the policy, cut after a failure; of the claim of oreo.</summary>
[Transform("oreo-trajectories")]
[Default("sampler", "kv-cache")]
[Default("sampler.max_new_tokens", Chains.States)]
public sealed class ClaimTrajectories(ClaimTrajectoriesOptions options, StageContext stage) : ITransform
{
    private const int FailuresASuccess = 4;

    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var walks = PolicySamples.Of(stage, options.Sampler.Create(stage.Services), rows, options.Trajectories, draws.Key("actions"), cancel)
            .Select(rollout => (rollout.Example, Walk: Walk(rollout, draws.Key("world").Key(rollout.Example.Index).Key(rollout.Sample)))).ToList();
        var made = options.Rows switch
        {
            ClaimRows.Successes => walks.Where(walk => walk.Walk.Success).Select(walk => Row(walk.Example, ("completion", Text(walk.Walk.Actions)))),
            ClaimRows.Pairs => walks.GroupBy(walk => walk.Example.Index).SelectMany(chain => Pairs([.. chain], draws.Key("pairs").Key(chain.Key))),
            _ => walks.Select(walk => Row(walk.Example, ("steps", new JsonArray([.. walk.Walk.Actions.Select(action => (JsonNode)Text([action]))])), ("rewards", walk.Walk.Success ? 1 : 0))),
        };
        return [.. made.Select((columns, i) => new Example(i, columns))];
    }

    private static IEnumerable<JsonObject> Pairs((Example Example, (int[] Actions, bool Success) Walk)[] chain, Draws draws)
    {
        var failures = chain.Where(walk => !walk.Walk.Success).ToArray();
        return chain.Where(walk => walk.Walk.Success).SelectMany((success, i) => draws.Key(i).Permutation(failures.Length).Take(FailuresASuccess).Select(failure =>
            Row(success.Example, ("chosen", Text(success.Walk.Actions)), ("rejected", Text(failures[failure].Walk.Actions)))));
    }

    private (int[] Actions, bool Success) Walk(Rollout rollout, Draws draws)
    {
        for (var state = 0; state < Chains.States; state++)
        {
            if (draws.Key(state).Uniform() >= Chains.GoesOn(stage.Run, (int)rollout.Example.Index, state, rollout.Completion[state]))
            {
                return (rollout.Completion[..(state + 1)], false);
            }
        }

        return (rollout.Completion, true);
    }

    private static JsonObject Row(Example chain, params ReadOnlySpan<(string Name, JsonNode Value)> columns)
    {
        var row = new JsonObject { ["prompt"] = chain.Text("prompt") };
        foreach (var (name, value) in columns)
        {
            row[name] = value;
        }

        return row;
    }

    private static string Text(int[] actions) => string.Join(' ', actions);
}

/// <summary>The exact probability of success, the mean over the chains; of the claim of oreo.</summary>
[Evaluation("oreo-success")]
public sealed class ClaimSuccess : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var policy = ((TableModel)stage.Policy).Values.softmax(-1).to_type(ScalarType.Float64).cpu();
        var probabilities = policy.data<double>().ToArray();
        return new Dictionary<string, double>
        {
            ["success"] = Enumerable.Range(0, Chains.Count).Average(chain => Enumerable.Range(0, Chains.States).Aggregate(1.0, (product, state) => product * Enumerable.Range(0, Chains.Actions)
                .Sum(action => probabilities[(((chain * Chains.States) + state) * Chains.Actions) + action] * Chains.GoesOn(stage.Run, chain, state, action)))),
        };
    }
}
