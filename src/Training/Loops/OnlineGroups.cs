using System.Text.Json.Nodes;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of every loop that samples from the policy.</summary>
public abstract record RolloutOptions : TextTrainingOptions
{
    /// <summary>What scores completions. With several, the advantage part decides how they are joined.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <summary>What samples completions.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>Prompts a step.</summary>
    [Positive]
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Which prompts come next, and how many completions each; null: each epoch every prompt once, with the sampler's group size.</summary>
    public Part<IScheduler>? Scheduler { get; init; }

    /// <summary>Passes over the sampled batch.</summary>
    [Positive]
    public int EpochsPerBatch { get; init; } = 1;

    /// <summary>Parts into which each pass splits the batch, an optimiser step each.</summary>
    [Positive]
    public int Minibatches { get; init; } = 1;

    /// <summary>Whether a prompt runs once for all its completions, in the policy's forward and backward pass and the reference's. Losses and gradients are the same.</summary>
    public SharedPrefixMode SharedPrefix { get; init; } = SharedPrefixMode.Auto;

    /// <summary>Write some completions to samples.jsonl every so many steps; 0: never.</summary>
    [NonNegative]
    public int SampleEvery { get; init; } = 20;

    /// <inheritdoc/>
    internal override int UpdatesPerStep => EpochsPerBatch * Minibatches;
}

/// <summary>Options of the loop <c>online-groups</c>.</summary>
public sealed record OnlineGroupsOptions : RolloutOptions
{
    /// <summary>The loss.</summary>
    public required Part<GroupObjective> Objective { get; init; }

    /// <summary>Further losses added to it, such as a pull towards the reference.</summary>
    public IReadOnlyList<Part<GroupObjective>> Terms { get; init; } = [];

    /// <summary>What turns a group's rewards into advantages; null: what goes with the objective, else <c>group-relative</c>; none where the objective makes its own.</summary>
    public Part<IGroupAdvantage>? Advantage { get; init; }

    /// <summary>Steps between refreshes of the sampling policy; above 1 a frozen copy samples, and completions are off-policy by up to so many steps.</summary>
    [Positive]
    public int SyncInterval { get; init; } = 1;

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
            FrozenCopies = ReferenceCopies(services, Objective, Terms),
        };
    }
}

/// <summary>Samples a group of completions a prompt, scores them and learns from the differences within each group.</summary>
/// <remarks>
/// The first update on a batch of the policy's own is on-policy: the batch has no <c>old_logps</c>, so the ratio is exactly 1. Later updates on the same
/// batch, and all with a stale sampler, have those that the sampler recorded, which are checked against the trainer's at every step that can be
/// (metric <c>sampler_gap</c>). Minibatches hold whole groups.
/// </remarks>
[Loop(Loop.OnlineGroups)]
[Default("sampler", "kv-cache")]
public sealed class OnlineGroups(OnlineGroupsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        using var sampling = new RolloutSource(options, stage, withinGroups: true, options.SyncInterval);
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters());
        var (advantageId, advantage) = Advantage(learner.Needs);
        var scorer = new SequenceScorer(policy, sampling.Temperature, options.SharedPrefix);
        var reference = learner.Needs.HasFlag(Needs.Reference) ? new SequenceScorer(ReferencePolicy.Freeze(stage), sampling.Temperature, options.SharedPrefix) : null;
        StepLoop.Run(stage, options, Step, cancel);
        sampling.Watch.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var rollouts = sampling.Next(step, metrics, cancel);
            var first = policy.Network.parameters().First();
            var whole = Inputs(rollouts, first.device, Kernels.WideType(first.dtype), step);
            if (advantage is not null)
            {
                stage.Recorder.InHand(Kinds.Advantage + " " + advantageId, "advantages");
                var advantages = advantage.Compute(Learner.AddDraws(whole, advantage.Draws, stage, step, whole["rewards"]));
                metrics.Add(advantages);
                metrics.Remove("advantages");
                whole.With("advantages", advantages.Tensor("advantages"));
            }

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
                    Update(step, rows, rollouts, whole, first: updates++ == 0, metrics);
                }
            }

            return new(metrics, rollouts.Tokens * options.EpochsPerBatch);
        }

        void Update(int step, int[] rows, RolloutBatch rollouts, Batch whole, bool first, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            PromptedSequence[] sequences = [.. rows.Select(row => rollouts.Sequences[row])];
            var scored = scorer.Score(sequences, learner.Needs);
            var width = scored.Logps.shape[1];
            var index = tensor(rows.Select(row => (long)row).ToArray(), device: scored.Logps.device);
            Tensor Rows(string name)
            {
                var chosen = whole[name].index_select(0, index);
                return chosen.dim() == 2 && name != "rewards" ? chosen.narrow(1, 0, width) : chosen;
            }

            var rewards = Rows("rewards");
            var batch = new GroupBatch
            {
                ["logps"] = scored.Logps,
                ["mask"] = scored.Mask,
                ["tokens"] = scored.Tokens,
                ["rewards"] = rewards.dim() == 2 ? rewards.sum(1) : rewards,
                ["group_ids"] = Rows("group_ids"),
                ["truncated"] = Rows("truncated"),
            };
            batch.With("advantages", whole.Has("advantages") ? Rows("advantages") : null);
            batch.With("entropies", scored.Entropies).With("policy_logits", scored.Logits);
            var recorded = Rows("old_logps");
            if (first && !sampling.Stale)
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

            learner.Update(batch, step, metrics, rows.Length);
        }

        (string, IGroupAdvantage?) Advantage(Needs needs) => (needs.HasFlag(Needs.Rewards), options.Advantage) switch
        {
            (true, { } given) => throw new PlumblineException($"objective '{options.Objective.Id}' makes its own advantages from the rewards, so nothing would read those of advantage '{given.Id}'; take 'advantage' out"),
            (true, null) => (string.Empty, null),
            (false, { } given) => (given.Id, given.Create(stage.Services)),
            (false, null) => ((GroupObjective)terms[0].Item2).Advantage is { } own ? (options.Objective.Id, own) : (GroupRelative.Id, new GroupRelative(new GroupRelativeOptions())),
        };
    }

    /// <summary>What the advantage part reads, of the whole batch.</summary>
    private Batch Inputs(RolloutBatch rollouts, Device device, ScalarType dtype, int step)
    {
        var old = rollouts.SamplerLogps(device, dtype);
        return new Batch()
            .With("rewards", rollouts.Rewards(device, dtype))
            .With("group_ids", rollouts.GroupIds(device))
            .With("truncated", rollouts.Truncated(device))
            .With("scored", rollouts.Scored is { } scored ? tensor(scored, device: device) : null)
            .With("old_logps", old)
            .With("mask", rollouts.Mask(device, dtype))
            .With("tokens", rollouts.CompletionTokens(device))
            .With("step_rewards", rollouts.StepRewards(device, dtype, out var stepMask, out var stepIds))
            .With("step_mask", stepMask)
            .With("step_ids", stepIds)
            .With("step", step)
            .With("total_steps", options.Steps);
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
