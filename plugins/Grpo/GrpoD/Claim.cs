using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.GrpoD;

/// <summary>The task of the claim of grpo-d, a discovery in two stages: first a token that is rarely drawn, then among eight the right one. Five free tokens between them never matter to the reward.</summary>
internal static class Discovery
{
    internal const int Prompts = 16;
    internal const int Tokens = 8;
    internal const int Free = 5;

    /// <summary>The place of the second stage's token: after the first one's and the free ones.</summary>
    internal const int Second = 1 + Free;

    internal static int Right(RunContext run, int prompt) => run.Draws.Key("grpo-d").Key("right").Key(prompt).Below(Tokens);

    /// <summary>[P,7,8] logits of the reference, where training begins.</summary>
    internal static Tensor Start(RunContext run)
    {
        var logits = new double[Prompts, 1 + Free + 1, Tokens];
        for (var prompt = 0; prompt < Prompts; prompt++)
        {
            for (var token = 0; token < Tokens; token++)
            {
                // The first token is 0 or 1; no other is ever drawn.
                logits[prompt, 0, token] = token switch { 0 => 0, 1 => Math.Log(0.1 / 0.9), _ => -1e4 };
                logits[prompt, Second, token] = token == Right(run, prompt) ? Math.Log(0.02) : Math.Log(0.98 / (Tokens - 1));
                for (var place = 1; place <= Free; place++)
                {
                    logits[prompt, place, token] = 0.5 * run.Draws.Key("grpo-d").Key(prompt).Key(place).Key(token).Normal();
                }
            }
        }

        return tensor(logits.Cast<double>().ToArray(), [Prompts, 1 + Free + 1, Tokens], device: run.Device).to_type(run.Dtype);
    }
}

/// <summary>The prompts of the claim of grpo-d, each a number, with the token that is right at its second stage.</summary>
[Data("grpo-d-prompts")]
public sealed class DiscoveryData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Discovery.Prompts).Select(prompt => new Example(prompt, new JsonObject
        {
            ["prompt"] = prompt.ToString(CultureInfo.InvariantCulture),
            ["right"] = (double)Discovery.Right(run, prompt),
        }))],
        []);
}

/// <summary>Options of <c>grpo-d-table</c>.</summary>
public sealed record DiscoveryTableOptions
{
    /// <summary>Text to tokens; at least 16.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The policy of the claim of grpo-d: a table of logits for each prompt and place, which begins at the reference.</summary>
[Model("grpo-d-table")]
public sealed class DiscoveryTable(DiscoveryTableOptions options, RunContext run, IServiceProvider services) : TableModel(options.Tokenizer.Create(services), Discovery.Start(run));

/// <summary>Options of <c>grpo-d-harness</c>.</summary>
public sealed record HarnessOptions
{
    /// <summary>What samples.</summary>
    public required Part<ISampler> Sampler { get; init; }
}

/// <summary>Takes the second stage's token off completions that did not reach it, so that it is masked there; of the claim of grpo-d.</summary>
[Sampler("grpo-d-harness")]
[Default("sampler", "kv-cache")]
[Default("sampler.max_new_tokens", 7)]
public sealed class Harness(HarnessOptions options, IServiceProvider services) : ISampler
{
    private readonly ISampler _sampler = options.Sampler.Create(services);

    /// <inheritdoc/>
    public int GroupSize => _sampler.GroupSize;

    /// <inheritdoc/>
    public double Temperature => _sampler.Temperature;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) =>
        [.. _sampler.Sample(model, requests, cancel).Select(rollout => rollout.Completion[0] == 1 ? rollout
            : rollout with { Completion = rollout.Completion[..Discovery.Second], Logps = rollout.Logps[..Discovery.Second] })];
}

/// <summary>0.25 without the first stage, 0.3 with it, 1 with both, and a noise of 0.1; of the claim of grpo-d.</summary>
[Reward("grpo-d-discovered")]
public sealed class DiscoveryReward : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context) => new(
        [.. rollouts.Select((rollout, row) => (0.1 * context.Draws.Key(row).Normal())
            + (rollout.Completion[0] == 0 ? 0.25 : rollout.Completion[Discovery.Second] == (int)rollout.Example.FindNumber("right")! ? 1.0 : 0.3))]);
}

/// <summary>The exact value of the policy of the claim of grpo-d: expected reward times exp(-divergence of a free token), which the training reward does not see.</summary>
[Evaluation("grpo-d-value")]
public sealed class DiscoveryValue : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var (logp, reference) = (((TableModel)stage.Policy).Values.log_softmax(-1), Discovery.Start(stage.Run).log_softmax(-1));
        var right = tensor(Enumerable.Range(0, Discovery.Prompts).Select(prompt => (long)Discovery.Right(stage.Run, prompt)).ToArray(), [Discovery.Prompts, 1], device: stage.Run.Device);
        var first = logp.select(1, 0).exp().select(1, 1);
        var second = logp.select(1, Discovery.Second).exp().gather(1, right).squeeze(1);
        var reward = (0.25 * (1 - first)) + (first * (0.3 + (0.7 * second)));
        var (free, start) = (logp.narrow(1, 1, Discovery.Free), reference.narrow(1, 1, Discovery.Free));
        var (expected, drift) = (reward.mean().ToDouble(), (free.exp() * (free - start)).sum(-1).mean().ToDouble());
        return new Dictionary<string, double> { ["value"] = expected * Math.Exp(-drift), ["expected_reward"] = expected, ["drift"] = drift };
    }
}
