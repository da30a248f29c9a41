using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PfPpo;

/// <summary>The bandit of the claim of pf-ppo: contexts, each with actions that succeed with a probability of their own.</summary>
internal static class Bandit
{
    internal const int Actions = 12;

    internal static double Success(RunContext run, long context, int action) => run.Draws.Key("pf-ppo").Key(context).Key(action).Uniform();

    /// <summary>One context as a row: its prompt is its number.</summary>
    internal static Example Context(int context) => new(context, new JsonObject { ["prompt"] = context.ToString(CultureInfo.InvariantCulture) });
}

/// <summary>Options of <c>pf-ppo-contexts</c>.</summary>
public sealed record ContextOptions
{
    /// <summary>How many.</summary>
    [Positive]
    public int Contexts { get; init; } = 20;
}

/// <summary>The contexts of the claim of pf-ppo.</summary>
[Data("pf-ppo-contexts")]
public sealed class Contexts(ContextOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, options.Contexts).Select(Bandit.Context)], []);
}

/// <summary>The reward model of the claim of pf-ppo: four times in five it is unsure and says something in between, else it knows success from failure.</summary>
[Reward("pf-ppo-unsure")]
public sealed class UnsureReward(RunContext run) : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        bool[] succeeded = [.. rollouts.Select((rollout, row) => context.Draws.Key(row).Key(0).Uniform() < Bandit.Success(run, rollout.Example.Index, rollout.Completion[0]))];
        return new Scores([.. succeeded.Select((success, row) => Said(success, context.Draws.Key(row)))])
        {
            Components = new Dictionary<string, double[]> { ["success"] = [.. succeeded.Select(success => success ? 1.0 : 0)] },
        };
    }

    private static double Said(bool success, Draws draws)
    {
        var u = draws.Key(2).Uniform();
        return draws.Key(1).Uniform() < 0.8 ? -0.6 + (1.2 * u) : success ? 0.6 + (0.4 * u) : -1 + (0.4 * u);
    }
}

/// <summary>The exact success of the policy in the bandit of the claim of pf-ppo, the mean over contexts: success; and that of the best policy: best.</summary>
[Evaluation("pf-ppo-success")]
public sealed class ExpectedSuccess : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var policy = ((TableModel)stage.Policy).Values.detach().squeeze(1).softmax(-1);
        var contexts = (int)policy.shape[0];
        var success = tensor(
            Enumerable.Range(0, contexts * Bandit.Actions).Select(i => Bandit.Success(stage.Run, i / Bandit.Actions, i % Bandit.Actions)).ToArray(),
            [contexts, Bandit.Actions], device: stage.Run.Device).to_type(policy.dtype);
        return new Dictionary<string, double> { ["success"] = (policy * success).sum(1).mean().ToDouble(), ["best"] = success.amax([1]).mean().ToDouble() };
    }
}

/// <summary>Options of <c>pf-ppo-reliability</c>.</summary>
public sealed record ReliabilityCheckOptions
{
    /// <summary>Whose reliability: its component <c>success</c> is what responses are really worth.</summary>
    public required Part<IReward> Reward { get; init; }

    /// <summary>What samples the responses.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>How many contexts.</summary>
    [Positive]
    public int Contexts { get; init; } = 400;

    /// <summary>Draws of each filter for each context.</summary>
    [Positive]
    public int Draws { get; init; } = 5;
}

/// <summary>R² between reward and success on what each filter keeps of the policy's responses, in the bandit of the claim of pf-ppo.</summary>
[Evaluation("pf-ppo-reliability")]
[Default("reward", "pf-ppo-unsure")]
[Default("sampler", "kv-cache")]
[Default("sampler.group_size", 5)]
[Default("sampler.max_new_tokens", 1)]
public sealed class ReliabilityCheck(ReliabilityCheckOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var (sampler, draws) = (options.Sampler.Create(stage.Services), stage.Run.Draws.Key("pf-ppo-reliability"));
        var rollouts = sampler.Sample(
            stage.Policy,
            [.. Enumerable.Range(0, options.Contexts).Select(context => new SamplingRequest(Bandit.Context(context), context, [context], sampler.GroupSize, draws.Key("sample").Key(context)))],
            cancel);
        var scores = options.Reward.Create(stage.Services).Score(rollouts, new RewardContext(0, 1, draws.Key("reward")));
        Tensor rewards = tensor(scores.Values), ids = tensor(rollouts.Select(rollout => rollout.GroupId).ToArray()), success = tensor(scores.Components["success"]);
        var numbers = tensor(Enumerable.Range(0, options.Contexts * options.Draws).Select(i => draws.Key("draw").Key(i).Uniform()).ToArray(), [options.Contexts, options.Draws]);
        return new[] { RankFilter.None, RankFilter.Bon, RankFilter.Br, RankFilter.Bw }.ToDictionary(filter => "r_squared_" + filter.ToString().ToLowerInvariant(), filter =>
        {
            var kept = RankWeights.Select(rewards, ids, numbers, new RankFilterOptions { Filter = filter }).Tensor("indices");
            return (double)Reliability.RSquared(rewards.index_select(0, kept), success.index_select(0, kept), new ReliabilityOptions())["r_squared"];
        });
    }
}
