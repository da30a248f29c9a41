using System.Text.Json.Nodes;

namespace Plumbline.Plugins.TPpo;

/// <summary>The responses of the claim of t-ppo: four in five are short, one is long.</summary>
internal static class Responses
{
    internal const int Count = 960;

    internal static bool IsLong(RunContext run, int row) => run.Draws.Key("t-ppo").Key(row).Uniform() < 0.2;

    internal static int Length(RunContext run, int row) => IsLong(run, row) ? 64 : 8;
}

/// <summary>The prompts of the claim of t-ppo: one token that says whether the response is short or long, and how many tokens it has.</summary>
[Data("t-ppo-prompts")]
public sealed class PromptData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Responses.Count).Select(row => new Example(row, new JsonObject
        {
            ["prompt"] = Responses.IsLong(run, row) ? "1" : "0",
            ["length"] = (double)Responses.Length(run, row),
        }))],
        []);
}

/// <summary>Options of <c>t-ppo-harness</c>.</summary>
public sealed record HarnessOptions
{
    /// <summary>What samples.</summary>
    public required Part<ISampler> Sampler { get; init; }
}

/// <summary>Ends each response at its prompt's length; of the claim of t-ppo.</summary>
[Sampler("t-ppo-harness")]
[Default("sampler", "kv-cache")]
[Default("sampler.group_size", 1)]
public sealed class Harness(HarnessOptions options, IServiceProvider services) : ISampler
{
    private readonly ISampler _sampler = options.Sampler.Create(services);

    /// <inheritdoc/>
    public int GroupSize => _sampler.GroupSize;

    /// <inheritdoc/>
    public double Temperature => _sampler.Temperature;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) =>
        _sampler.Sample(model, [.. requests.Select(request => request with { Longest = (int)request.Example.FindNumber("length")! })], cancel);
}

/// <summary>Five times the share of the token 0, and its mean over the last 64 and the last 128 responses; of the claim of t-ppo.</summary>
/// <remarks>A mean over fewer responses than its name says is 0.</remarks>
[Reward("t-ppo-zeros")]
public sealed class ZerosReward : IReward
{
    private readonly List<double> _last = [];

    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        double[] scores = [.. rollouts.Select(rollout => 5.0 * rollout.Completion.Count(token => token == 0) / rollout.Completion.Length)];
        _last.AddRange(scores);
        return new Scores(scores) { Components = new Dictionary<string, double[]> { ["last_64"] = Last(64), ["last_128"] = Last(128) } };

        double[] Last(int count) => [.. Enumerable.Repeat(_last.Count < count ? 0 : _last.TakeLast(count).Average(), scores.Length)];
    }
}

/// <summary>Options of <c>t-ppo-until</c>.</summary>
public sealed record UntilOptions
{
    /// <summary>The mean score of the last 64 responses that is enough.</summary>
    public double AtLeast { get; init; } = 4.0;
}

/// <summary>Ends the stage once the score is reached; of the claim of t-ppo.</summary>
[Observer("t-ppo-until")]
public sealed class Until(UntilOptions options) : IObserver
{
    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) =>
        !(metrics?.GetValueOrDefault("reward/t-ppo-zeros/last_64") >= options.AtLeast);
}

/// <summary>What decoding the responses of the claim of t-ppo costs in 32 slots with a window of 8: cost_ratio, truncated_utilisation, synchronous_utilisation.</summary>
[Evaluation("t-ppo-cost")]
public sealed class DecodingCost : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var cost = Schedule.Of([.. Enumerable.Range(0, Responses.Count).Select(row => Responses.Length(stage.Run, row))], new ScheduleOptions { Slots = 32, Window = 8 });
        return new Dictionary<string, double>
        {
            ["cost_ratio"] = (int)cost["synchronous_steps"] / (double)(int)cost["truncated_steps"],
            ["truncated_utilisation"] = (double)cost["truncated_utilisation"],
            ["synchronous_utilisation"] = (double)cost["synchronous_utilisation"],
        };
    }
}
