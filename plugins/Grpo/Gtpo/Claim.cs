using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gtpo;

/// <summary>Options of the model <c>gtpo-plans</c>.</summary>
public sealed record PlansModelOptions
{
    /// <summary>Eight numbers.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Belongs to the claim of gtpo: eight prompts, answers of a format token, a plan, an answer and five fillers, each of four ids; a long plan is rare at the start.</summary>
[Model("gtpo-plans")]
public sealed class PlansModel(PlansModelOptions options, RunContext run, IServiceProvider services)
    : TableModel((options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), Start(run))
{
    private static Tensor Start(RunContext run)
    {
        double[] plan = [0, Math.Log(0.05 / 0.95), -20, -20];
        double[][] places = [[Math.Log(0.8 / 0.2 * 3), 0, 0, 0], plan, [0, 0, 0, 0], .. Enumerable.Repeat(new double[] { 4, 0, 0, 0 }, 5)];
        // The ids above 3 are prompts only.
        double[] row = [.. places.SelectMany(place => place.Concat(Enumerable.Repeat(-1e4, 4)))];
        return tensor(row, [1, 8, 8], device: run.Device).to_type(run.Dtype).repeat(Plans.Prompts, 1, 1);
    }
}

/// <summary>Belongs to the claim of gtpo: eight prompts with a random answer each.</summary>
[Data("gtpo-plans")]
public sealed class Plans : IData
{
    internal const int Prompts = 8;

    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Prompts).Select(prompt => new Example(prompt, new JsonObject { ["prompt"] = $"{prompt}", ["answer"] = (double)Answer(run, prompt) }))], []);

    internal static int Answer(RunContext run, int prompt) => (run ?? throw new ArgumentNullException(nameof(run))).Draws.Key("gtpo-plans").Key(prompt).Below(4);
}

/// <summary>Options of the sampler <c>gtpo-plans</c>.</summary>
public sealed record PlansSamplerOptions
{
    /// <summary>What samples eight tokens.</summary>
    public required Part<ISampler> Sampler { get; init; }
}

/// <summary>Belongs to the claim of gtpo: a plan that is not long ends the answer after two tokens.</summary>
[Sampler("gtpo-plans")]
[Default("sampler", "kv-cache")]
public sealed class PlansSampler(PlansSamplerOptions options, IServiceProvider services) : ISampler
{
    private readonly ISampler _sampler = options.Sampler.Create(services);

    /// <inheritdoc/>
    public int GroupSize => _sampler.GroupSize;

    /// <inheritdoc/>
    public double Temperature => _sampler.Temperature;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) =>
        [.. _sampler.Sample(model, requests, cancel).Select(rollout => rollout.Completion[1] == 1 ? rollout
            : rollout with { Completion = rollout.Completion[..2], Logps = rollout.Logps[..2], Text = $"{rollout.Completion[0]} {rollout.Completion[1]}" })];
}

/// <summary>Belongs to the claim of gtpo: 1 for the format token, a long plan and the right answer.</summary>
[Reward("gtpo-plans")]
public sealed class PlansReward : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) =>
        (rollout ?? throw new ArgumentNullException(nameof(rollout))).Completion is [0, 1, var answer, ..] && answer == rollout.Example.FindNumber("answer") ? 1 : 0;
}

/// <summary>Belongs to the claim of gtpo: the exact probabilities of the format token and of a rewarded answer, meaned over the prompts.</summary>
[Evaluation("gtpo-plans")]
public sealed class PlansEvaluation : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var p = ((TableModel)stage.Policy).Values.softmax(2).to_type(ScalarType.Float64);
        return new Dictionary<string, double>
        {
            ["format"] = Enumerable.Range(0, Plans.Prompts).Average(prompt => p[prompt, 0, 0].ToDouble()),
            ["accuracy"] = Enumerable.Range(0, Plans.Prompts).Average(prompt =>
                p[prompt, 0, 0].ToDouble() * p[prompt, 1, 1].ToDouble() * p[prompt, 2, Plans.Answer(stage.Run, prompt)].ToDouble()),
        };
    }
}
