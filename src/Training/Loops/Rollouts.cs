using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A sampled, scored batch and the plain values around it: what loops that sample have in common.</summary>
internal sealed class RolloutBatch
{
    private RolloutBatch(IReadOnlyList<Rollout> rollouts, double[][] scores, bool[]? scored)
    {
        (Rollouts, Scores, Scored) = (rollouts, scores, scored);
        Sequences = [.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))];
    }

    /// <summary>The completions, groups next to each other.</summary>
    internal IReadOnlyList<Rollout> Rollouts { get; }

    /// <summary>Their tokens.</summary>
    internal PromptedSequence[] Sequences { get; }

    /// <summary>A row of scores for each reward: [K][N].</summary>
    internal double[][] Scores { get; }

    /// <summary>False where no reward scored a completion; null: all were.</summary>
    internal bool[]? Scored { get; }

    /// <summary>The sum of the rewards, a completion each.</summary>
    internal double[] Totals => [.. Enumerable.Range(0, Rollouts.Count).Select(row => Scores.Sum(reward => reward[row]))];

    /// <summary>Tokens in all.</summary>
    internal long Tokens => Sequences.Sum(sequence => (long)sequence.Length);

    /// <summary>Scores rollouts by every reward and adds what they tell to the metrics.</summary>
    internal static RolloutBatch Score(
        IReadOnlyList<Rollout> rollouts, IReadOnlyList<(string Id, IReward Reward)> rewards, RewardContext context, IRecorder recorder, Dictionary<string, double> metrics)
    {
        var scores = new double[rewards.Count][];
        bool[]? scored = null;
        for (var k = 0; k < rewards.Count; k++)
        {
            recorder.InHand(Kinds.Reward + " " + rewards[k].Id, "scoring");
            var result = rewards[k].Reward.Score(rollouts, context);
            if (result.Values.Length != rollouts.Count)
            {
                throw new PlumblineException($"reward '{rewards[k].Id}' gave {result.Values.Length} scores for {rollouts.Count} completions");
            }

            if (Array.FindIndex(result.Values, value => !double.IsFinite(value)) is var bad and >= 0)
            {
                throw new PlumblineException($"reward '{rewards[k].Id}' gave {result.Values[bad]} for the completion {rollouts[bad].Text}; a score must be finite");
            }

            scores[k] = result.Values;
            if (result.Scored is { } mask)
            {
                for (var i = 0; i < mask.Length; i++)
                {
                    scores[k][i] = mask[i] ? scores[k][i] : 0;
                }
            }

            // A completion counts as scored where any reward has an opinion of it.
            scored = (scored, result.Scored, k) switch
            {
                (_, { } mine, 0) => [.. mine],
                ({ } others, { } mine, _) => [.. others.Zip(mine, (a, b) => a || b)],
                _ => null,
            };
            metrics["reward/" + rewards[k].Id] = result.Values.Average();
            foreach (var (name, values) in result.Components)
            {
                metrics[$"reward/{rewards[k].Id}/{name}"] = values.Average();
            }
        }

        var batch = new RolloutBatch(rollouts, scores, scored);
        var totals = batch.Totals;
        metrics["reward_mean"] = totals.Average();
        metrics["reward_spread"] = totals.Max() - totals.Min();
        metrics["completion_length"] = rollouts.Average(rollout => rollout.Completion.Length);
        metrics["truncated"] = rollouts.Average(rollout => rollout.Truncated ? 1.0 : 0.0);
        return batch;
    }

    /// <summary>[N] or, with several rewards, [N,K].</summary>
    internal Tensor Rewards(Device device, ScalarType dtype)
    {
        if (Scores.Length == 1)
        {
            return tensor(Scores[0], device: device).to_type(dtype);
        }

        var rows = new double[Rollouts.Count * Scores.Length];
        for (var k = 0; k < Scores.Length; k++)
        {
            for (var i = 0; i < Rollouts.Count; i++)
            {
                rows[(i * Scores.Length) + k] = Scores[k][i];
            }
        }

        return tensor(rows, [Rollouts.Count, Scores.Length], device: device).to_type(dtype);
    }

    /// <summary>[N] int64.</summary>
    internal Tensor GroupIds(Device device) => tensor(Rollouts.Select(rollout => rollout.GroupId).ToArray(), device: device);

    /// <summary>[N] bool.</summary>
    internal Tensor Truncated(Device device) => tensor(Rollouts.Select(rollout => rollout.Truncated).ToArray(), device: device);

    /// <summary>[N,T] the log-probabilities that the sampler recorded; 0 where masked.</summary>
    internal Tensor SamplerLogps(Device device, ScalarType dtype)
    {
        var width = Rollouts.Max(rollout => rollout.Completion.Length);
        var values = new float[Rollouts.Count * width];
        for (var i = 0; i < Rollouts.Count; i++)
        {
            Rollouts[i].Logps.CopyTo(values, i * width);
        }

        return tensor(values, [Rollouts.Count, width], device: device).to_type(dtype);
    }
}

/// <summary>Compares what the sampler recorded with what the trainer computes for the same weights.</summary>
internal static class SamplerTripwire
{
    /// <summary>The largest difference over all tokens.</summary>
    /// <exception cref="PlumblineException">It is beyond what rounding explains: sampler and trainer run different policies.</exception>
    internal static double Check(Tensor recorded, Tensor computed, Tensor mask)
    {
        var gap = ((recorded - computed.detach()) * mask).abs().max().ToDouble();
        var bound = computed.dtype switch { ScalarType.BFloat16 or ScalarType.Float16 => 0.5, _ => 1e-3 };
        return gap <= bound ? gap : throw new PlumblineException(
            $"the sampler recorded log-probabilities that differ by {gap:G3} from the trainer's for the same tokens (bound {bound:G3}); sampler and model disagree, so the update would be off-policy without a word");
    }
}

/// <summary>Notices that the rewards of a whole epoch held no information.</summary>
internal sealed class RewardWatch(IRecorder recorder, int promptsPerEpoch)
{
    private int _prompts;
    private bool _informative;
    private bool _told;

    /// <summary>Takes the scores of one step, groups next to each other.</summary>
    internal void See(RolloutBatch batch, int prompts)
    {
        var totals = batch.Totals;
        _informative |= batch.Rollouts.Select((rollout, row) => (rollout.GroupId, totals[row]))
            .GroupBy(pair => pair.GroupId, pair => pair.Item2).Any(group => group.Max() > group.Min());
        _prompts += prompts;
        if (_prompts >= promptsPerEpoch)
        {
            Close($"over a whole epoch of {_prompts} prompts");
        }
    }

    /// <summary>At the stage's end: an epoch that was cut short counts too.</summary>
    internal void End()
    {
        if (_prompts > 0)
        {
            Close($"over all the {_prompts} prompts since the last epoch began");
        }
    }

    private void Close(string span)
    {
        if (!_informative && !_told)
        {
            _told = true;
            recorder.Diagnose(new Diagnosis(
                "equal-rewards",
                $"every group's rewards were equal {span}: nothing was learnt from them. Look at samples.jsonl; the reward may never fire, the task may be too hard or too easy, or group_size may be 1"));
        }

        (_prompts, _informative) = (0, false);
    }
}
