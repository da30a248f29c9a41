using System.Text.Json.Nodes;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of every loop that samples from the policy.</summary>
public abstract record RolloutOptions : TrainingOptions
{
    /// <summary>What scores completions. With several, the advantage part decides how they are joined.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <summary>What samples completions.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>Prompts a step.</summary>
    [Positive]
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Passes over the sampled batch.</summary>
    [Positive]
    public int EpochsPerBatch { get; init; } = 1;

    /// <summary>Parts into which each pass splits the batch, an optimiser step each.</summary>
    [Positive]
    public int Minibatches { get; init; } = 1;

    /// <summary>Write some completions to samples.jsonl every so many steps; 0: never.</summary>
    [NonNegative]
    public int SampleEvery { get; init; } = 20;
}

/// <summary>Options of the loop <c>online-groups</c>.</summary>
public sealed record OnlineGroupsOptions : RolloutOptions
{
    /// <summary>The loss.</summary>
    public required Part<GroupObjective> Objective { get; init; }

    /// <summary>What turns a group's rewards into advantages.</summary>
    public required Part<IAdvantage> Advantage { get; init; }

    /// <summary>Leave groups whose rewards are all equal out of the updates: they show no difference to learn from (the filter of DAPO, arXiv 2503.14476, without sampling anew). The loss is then a mean over the others.</summary>
    public bool DropEqualGroups { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var sequences = (long)PromptsPerStep * Sampler.Create(services).GroupSize;
        return new Cost
        {
            Steps = Steps,
            TrainedSequences = sequences * EpochsPerBatch,
            SampledSequences = sequences,
            FrozenCopies = Objective.Create(services).Needs.HasFlag(Needs.Reference) ? 1 : 0,
        };
    }
}

/// <summary>Samples a group of completions a prompt, scores them and learns from the differences within each group.</summary>
/// <remarks>
/// The first update on a batch is on-policy: the batch has no <c>old_logps</c>, so the ratio is exactly 1. Later updates on the same batch
/// have those that the sampler recorded, which are checked against the trainer's at every step (metric <c>sampler_gap</c>).
/// Minibatches hold whole groups.
/// </remarks>
[Loop(Loop.OnlineGroups)]
[Default("sampler", "kv-cache")]
[Default("advantage", "group-relative")]
public sealed class OnlineGroups(OnlineGroupsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        var objective = options.Objective.Create(stage.Services);
        var advantage = options.Advantage.Create(stage.Services);
        var sampling = new RolloutSource(options, stage, withinGroups: true);
        var scorer = new SequenceScorer(policy, sampling.Temperature);
        SequenceScorer? reference = null;
        if (objective.Needs.HasFlag(Needs.Reference))
        {
            var frozen = (ICausalModel)policy.Freeze();
            stage.Run.Models.Set("reference", frozen);
            reference = new SequenceScorer(frozen, sampling.Temperature);
        }

        using var optimization = new Optimization(policy.Network.parameters(), options);
        StepLoop.Run(stage, options, Step, cancel);
        sampling.Watch.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var rollouts = sampling.Next(step, metrics, cancel);
            var first = policy.Network.parameters().First();
            var (device, dtype) = (first.device, Kernels.WideType(first.dtype));
            stage.Recorder.InHand(Kinds.Advantage + " " + options.Advantage.Id, "advantages");
            var inputs = new Batch().With("rewards", rollouts.Rewards(device, dtype)).With("group_ids", rollouts.GroupIds(device));
            inputs.With("scored", rollouts.Scored is { } scored ? tensor(scored, device: device) : null);
            var advantages = advantage.Compute(inputs);
            metrics.Add(advantages);
            metrics.Remove("advantages");
            var groups = rollouts.Rollouts.Select((rollout, row) => (rollout.GroupId, row))
                .GroupBy(pair => pair.GroupId, pair => pair.row).Select(group => group.ToArray()).ToArray();
            if (options.DropEqualGroups)
            {
                var differing = groups.Where(rollouts.Differ).ToArray();
                metrics["dropped_groups"] = 1 - (differing.Length / (double)groups.Length);
                groups = differing;
            }

            var updates = 0;
            for (var epoch = 0; epoch < options.EpochsPerBatch; epoch++)
            {
                var order = stage.Draws.Key("minibatches").Key(step).Key(epoch).Permutation(groups.Length);
                foreach (var part in Split(order, options.Minibatches))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    int[] rows = [.. part.SelectMany(group => groups[group])];
                    Update(step, rows, rollouts, advantages.Tensor("advantages"), onPolicy: updates++ == 0, metrics);
                }
            }

            return new(metrics, rollouts.Tokens * options.EpochsPerBatch);
        }

        void Update(int step, int[] rows, RolloutBatch rollouts, Tensor advantages, bool onPolicy, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            PromptedSequence[] sequences = [.. rows.Select(row => rollouts.Sequences[row])];
            var scored = scorer.Score(sequences, objective.Needs.HasFlag(Needs.Entropies));
            var width = scored.Logps.shape[1];
            var index = tensor(rows.Select(row => (long)row).ToArray(), device: scored.Logps.device);
            var recorded = rollouts.SamplerLogps(scored.Logps.device, scored.Logps.dtype).index_select(0, index).narrow(1, 0, width);
            var chosen = advantages.index_select(0, index);
            var batch = new GroupBatch
            {
                ["logps"] = scored.Logps,
                ["mask"] = scored.Mask,
                ["advantages"] = chosen.dim() == 2 ? chosen.narrow(1, 0, width) : chosen,
                ["group_ids"] = rollouts.GroupIds(index.device).index_select(0, index),
                ["truncated"] = rollouts.Truncated(index.device).index_select(0, index),
            };
            batch.With("entropies", scored.Entropies);
            if (onPolicy)
            {
                metrics["sampler_gap"] = SamplerTripwire.Check(recorded, scored.Logps, scored.Mask, policy.Network.parameters().First().dtype);
            }
            else
            {
                batch.With("old_logps", recorded);
            }

            if (reference is not null)
            {
                using var still = no_grad();
                batch.With("reference_logps", reference.Score(sequences).Logps);
            }

            var loss = objective.Compute(batch);
            var (norm, rate) = optimization.Step(loss.Value, step);
            // A step's metrics are its last update's.
            metrics.Add(loss);
            (metrics["grad_norm"], metrics["learning_rate"]) = (norm, rate);
        }
    }

    /// <summary>Splits into parts of nearly equal size, none empty.</summary>
    internal static IEnumerable<int[]> Split(int[] order, int parts)
    {
        parts = Math.Min(parts, order.Length);
        for (var i = 0; i < parts; i++)
        {
            yield return order[(i * order.Length / parts)..((i + 1) * order.Length / parts)];
        }
    }
}

/// <summary>Prompts in epochs, sampled and scored: the first half of a step of every loop that samples.</summary>
internal sealed class RolloutSource
{
    private readonly RolloutOptions _options;
    private readonly StageContext _stage;
    private readonly ISampler _sampler;
    private readonly (string Id, IReward Reward)[] _rewards;
    private readonly List<(Example Example, int[] Prompt)> _prompts;
    private readonly EpochOrder _order;

    internal RolloutSource(RolloutOptions options, StageContext stage, bool withinGroups)
    {
        (_options, _stage) = (options, stage);
        if (options.Rewards.Count == 0)
        {
            throw new PlumblineException("'rewards' is empty: nothing tells a good completion from a bad one; name at least one reward");
        }

        _sampler = options.Sampler.Create(stage.Services);
        _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];
        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        var builder = new SequenceBuilder(stage.Policy, options.MaxLength, options.Overlong);
        var examples = options.Data.Create(stage.Services).Load(stage.Run).Train;
        _prompts = PromptSet.Build(examples, builder, options.Overlong, stage.Log);
        _order = new EpochOrder(_prompts.Count, stage.Draws.Key("order"));
        Watch = new RewardWatch(stage.Recorder, _prompts.Count, withinGroups);
    }

    internal RewardWatch Watch { get; }

    internal double Temperature => _sampler.Temperature;

    internal RolloutBatch Next(int step, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        _stage.Policy.Network.eval();
        var draws = _stage.Draws.Key("sample").Key(step);
        SamplingRequest[] requests = [.. _order.Take((long)step * _options.PromptsPerStep, _options.PromptsPerStep)
            .Select((row, group) => new SamplingRequest(_prompts[row].Example, group, _prompts[row].Prompt, _sampler.GroupSize, draws.Key(group).Key(_prompts[row].Example.Index)))];
        _stage.Recorder.InHand(Kinds.Sampler + " " + _options.Sampler.Id, "sampling");
        var rollouts = _sampler.Sample(_stage.Policy, requests, cancel);
        cancel.ThrowIfCancellationRequested();
        var context = new RewardContext(step, _options.Steps, _stage.Draws.Key("reward").Key(step));
        var batch = RolloutBatch.Score(rollouts, _rewards, context, _stage.Recorder, metrics);
        Watch.See(batch, requests.Length);
        if (_options.SampleEvery > 0 && step % _options.SampleEvery == 0)
        {
            foreach (var row in Enumerable.Range(0, Math.Min(2, rollouts.Count)))
            {
                _stage.Recorder.Sample(new JsonObject
                {
                    ["stage"] = _stage.Name,
                    ["step"] = step,
                    ["prompt"] = rollouts[row].Example.FindText("prompt"),
                    ["completion"] = rollouts[row].Text,
                    ["reward"] = batch.Totals[row],
                });
            }
        }

        _stage.Policy.Network.train();
        return batch;
    }
}
