using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A sampled, scored batch and the plain values around it: what loops that sample have in common.</summary>
public sealed class RolloutBatch
{
    private RolloutBatch(IReadOnlyList<Rollout> rollouts, double[][] scores, bool[]? scored, IReadOnlyList<IReadOnlyList<StepScore>>? steps)
    {
        (Rollouts, Scores, Scored, Steps, Starts) = (rollouts, scores, scored, steps, new int[rollouts.Count]);
        Sequences = [.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))];
        Totals = [.. Enumerable.Range(0, rollouts.Count).Select(row => scores.Sum(reward => reward[row]))];
    }

    /// <summary>The completions, groups next to each other.</summary>
    public IReadOnlyList<Rollout> Rollouts { get; }

    /// <summary>Their tokens.</summary>
    public IReadOnlyList<PromptedSequence> Sequences { get; }

    /// <summary>A row of scores for each reward: [K][N].</summary>
    internal double[][] Scores { get; }

    /// <summary>False where no reward scored a completion; null: all were.</summary>
    internal bool[]? Scored { get; }

    /// <summary>Scores of steps within each completion; null: no reward gave any.</summary>
    internal IReadOnlyList<IReadOnlyList<StepScore>>? Steps { get; }

    /// <summary>Tokens that each completion had before this step's sampling: more than 0 where it goes on in windows.</summary>
    internal int[] Starts { get; private init; }

    /// <summary>Tokens sampled at this step, by the longest: what decoding them together takes.</summary>
    internal int DecodeSteps => Rollouts.Zip(Starts, (rollout, start) => rollout.Completion.Length - start).Max();

    /// <summary>The sum of the rewards, a completion each.</summary>
    public IReadOnlyList<double> Totals { get; }

    /// <summary>Tokens in all.</summary>
    public long Tokens => Sequences.Sum(sequence => (long)sequence.Length);

    /// <summary>Scores rollouts by every reward and adds what they tell to the metrics.</summary>
    internal static RolloutBatch Score(
        IReadOnlyList<Rollout> rollouts, IReadOnlyList<(string Id, IReward Reward)> rewards, RewardContext context, IRecorder recorder, Dictionary<string, double> metrics)
    {
        var scores = new double[rewards.Count][];
        bool[]? scored = null;
        (string Id, IReadOnlyList<IReadOnlyList<StepScore>> Scores)? steps = null;
        for (var k = 0; k < rewards.Count; k++)
        {
            recorder.InHand(Kinds.Reward + " " + rewards[k].Id, "scoring");
            var result = RewardScores.Of(rewards[k].Reward, rewards[k].Id, rollouts, context);
            scores[k] = result.Values;
            if (result.Steps is { } mine)
            {
                steps = steps is { } other ? throw new PlumblineException($"rewards '{other.Id}' and '{rewards[k].Id}' both score steps, and their steps need not be the same; name one of them")
                    : (rewards[k].Id, mine);
            }

            // A completion counts as scored where any reward has an opinion of it.
            scored = (scored, result.Scored, k) switch
            {
                (_, { } own, 0) => [.. own],
                ({ } others, { } own, _) => [.. others.Zip(own, (a, b) => a || b)],
                _ => null,
            };
            metrics["reward/" + rewards[k].Id] = scores[k].Average();
            foreach (var (name, values) in result.Components)
            {
                metrics[$"reward/{rewards[k].Id}/{name}"] = values.Average();
            }
        }

        var batch = new RolloutBatch(rollouts, scores, scored, steps?.Scores);
        var totals = batch.Totals;
        metrics["reward_mean"] = totals.Average();
        metrics["reward_spread"] = totals.Max() - totals.Min();
        metrics["completion_length"] = rollouts.Average(rollout => rollout.Completion.Length);
        metrics["truncated"] = rollouts.Average(rollout => rollout.Truncated ? 1.0 : 0.0);
        return batch;
    }

    /// <summary>Completions of which only some are finished; the others have a score of 0 so far.</summary>
    /// <param name="rollouts">All of them.</param>
    /// <param name="starts">Tokens that each had before this step's sampling.</param>
    /// <param name="finished">Those that are finished, in the same order; null where none is.</param>
    /// <param name="rewards">Rewards that score them.</param>
    internal static RolloutBatch InFlight(IReadOnlyList<Rollout> rollouts, int[] starts, RolloutBatch? finished, int rewards)
    {
        var scores = Enumerable.Range(0, rewards).Select(_ => new double[rollouts.Count]).ToArray();
        var next = 0;
        for (var row = 0; row < rollouts.Count; row++)
        {
            if (!rollouts[row].Unfinished)
            {
                for (var k = 0; k < rewards; k++)
                {
                    scores[k][row] = finished!.Scores[k][next];
                }

                next++;
            }
        }

        return new RolloutBatch(rollouts, scores, null, null) { Starts = starts };
    }

    /// <summary>Whether some reward tells the completions of these rows apart.</summary>
    internal bool Differ(int[] rows) => Scores.Any(scores => rows.Any(row => scores[row] != scores[rows[0]]));

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

    /// <summary>[N] bool, false where a completion stays in flight.</summary>
    internal Tensor Finished(Device device) => tensor(Rollouts.Select(rollout => !rollout.Unfinished).ToArray(), device: device);

    /// <summary>[N] int64 <see cref="Starts"/>.</summary>
    internal Tensor WindowStarts(Device device) => tensor(Starts.Select(start => (long)start).ToArray(), device: device);

    /// <summary>[N,T] 1 at completion tokens, else 0.</summary>
    internal Tensor Mask(Device device, ScalarType dtype)
    {
        var width = Rollouts.Max(rollout => rollout.Completion.Length);
        var values = new float[Rollouts.Count * width];
        for (var i = 0; i < Rollouts.Count; i++)
        {
            Array.Fill(values, 1, i * width, Rollouts[i].Completion.Length);
        }

        return tensor(values, [Rollouts.Count, width], device: device).to_type(dtype);
    }

    /// <summary>[N,T] int64; 0 where masked.</summary>
    internal Tensor CompletionTokens(Device device)
    {
        var width = Rollouts.Max(rollout => rollout.Completion.Length);
        var values = new long[Rollouts.Count * width];
        for (var i = 0; i < Rollouts.Count; i++)
        {
            for (var t = 0; t < Rollouts[i].Completion.Length; t++)
            {
                values[(i * width) + t] = Rollouts[i].Completion[t];
            }
        }

        return tensor(values, [Rollouts.Count, width], device: device);
    }

    /// <summary>[N,S] scores of steps, with their mask and each token's step [N,T] int64, -1 where none; null where no reward scored steps.</summary>
    internal Tensor? StepRewards(Device device, ScalarType dtype, out Tensor? mask, out Tensor? ids)
    {
        (mask, ids) = (null, null);
        if (Steps is not { } steps)
        {
            return null;
        }

        var (width, most) = (Rollouts.Max(rollout => rollout.Completion.Length), Math.Max(1, steps.Max(row => row.Count)));
        var (values, there, stepOf) = (new double[Rollouts.Count * most], new double[Rollouts.Count * most], new long[Rollouts.Count * width]);
        Array.Fill(stepOf, -1);
        for (var i = 0; i < Rollouts.Count; i++)
        {
            var token = 0;
            for (var s = 0; s < steps[i].Count; s++)
            {
                (values[(i * most) + s], there[(i * most) + s]) = (steps[i][s].Value, 1);
                for (; token < Math.Min(steps[i][s].End, Rollouts[i].Completion.Length); token++)
                {
                    stepOf[(i * width) + token] = s;
                }
            }
        }

        mask = tensor(there, [Rollouts.Count, most], device: device).to_type(dtype);
        ids = tensor(stepOf, [Rollouts.Count, width], device: device);
        return tensor(values, [Rollouts.Count, most], device: device).to_type(dtype);
    }

    /// <summary>[N,T] the log-probabilities that the sampler recorded; 0 where masked.</summary>
    internal Tensor SamplerLogps(Device device, ScalarType dtype) => SamplerLogps(Rollouts, device, dtype);

    /// <summary>[N,T] the log-probabilities that the sampler recorded for completions; 0 where masked.</summary>
    internal static Tensor SamplerLogps(IReadOnlyList<Rollout> rollouts, Device device, ScalarType dtype)
    {
        var width = rollouts.Max(rollout => rollout.Completion.Length);
        var values = new float[rollouts.Count * width];
        for (var i = 0; i < rollouts.Count; i++)
        {
            rollouts[i].Logps.CopyTo(values, i * width);
        }

        return tensor(values, [rollouts.Count, width], device: device).to_type(dtype);
    }
}

/// <summary>Compares what the sampler recorded with what the trainer computes for the same weights.</summary>
internal static class SamplerTripwire
{
    /// <summary>The largest difference over all tokens of completions that the policy itself sampled; one forward pass without gradient.</summary>
    /// <exception cref="PlumblineException">It is beyond what rounding explains.</exception>
    internal static double Check(ICausalModel policy, double temperature, IReadOnlyList<Rollout> rollouts)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var scored = new SequenceScorer(policy, temperature).Score([.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))]);
        return Check(RolloutBatch.SamplerLogps(rollouts, scored.Logps.device, scored.Logps.dtype), scored.Logps, scored.Mask, policy.Network.parameters().First().dtype);
    }

    /// <summary>The largest difference over all tokens.</summary>
    /// <param name="recorded">[N,T] by the sampler.</param>
    /// <param name="computed">[N,T] by the trainer.</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="weights">The policy's dtype: log-probabilities are float32 also where its logits are coarser.</param>
    /// <exception cref="PlumblineException">It is beyond what rounding explains: sampler and trainer run different policies.</exception>
    internal static double Check(Tensor recorded, Tensor computed, Tensor mask, ScalarType weights)
    {
        var gap = ((recorded - computed.detach()) * mask).abs().max().ToDouble();
        var bound = weights switch { ScalarType.BFloat16 or ScalarType.Float16 => 0.5, _ => 1e-3 };
        return gap <= bound ? gap : throw new PlumblineException(
            $"the sampler recorded log-probabilities that differ by {gap:G3} from the trainer's for the same tokens (bound {bound:G3}); sampler and model disagree, so the update would be off-policy without a word");
    }
}

/// <summary>Notices that the rewards of a whole epoch held no information.</summary>
/// <param name="recorder">Takes the diagnosis.</param>
/// <param name="promptsPerEpoch">Prompts of the data set.</param>
/// <param name="withinGroups">Whether only differences within a group teach; else those between any two completions do.</param>
/// <param name="prompts">What the prompts are called.</param>
/// <param name="file">Where to look.</param>
internal sealed class RewardWatch(IRecorder recorder, int promptsPerEpoch, bool withinGroups, string prompts = "prompts", string file = "samples.jsonl")
{
    private int _prompts;
    private double? _first;
    private bool _informative;
    private bool _told;

    /// <summary>Takes the scores of one step.</summary>
    internal void See(RolloutBatch batch, int count) => See(batch.Totals, batch.Scored, row => batch.Rollouts[row].GroupId, count);

    /// <summary>Takes the scores of one step.</summary>
    /// <param name="totals">A score each.</param>
    /// <param name="seen">False where none was given; null: all were.</param>
    /// <param name="group">The group of each.</param>
    /// <param name="count">Prompts behind them.</param>
    internal void See(IReadOnlyList<double> totals, bool[]? seen, Func<int, long> group, int count)
    {
        var scored = Enumerable.Range(0, totals.Count).Where(row => seen?[row] ?? true);
        if (withinGroups)
        {
            _informative |= scored.GroupBy(group, row => totals[row]).Any(rewards => rewards.Max() > rewards.Min());
        }
        else
        {
            foreach (var row in scored)
            {
                _first ??= totals[row];
                _informative |= totals[row] != _first;
            }
        }

        Count(count);
    }

    /// <summary>At the stage's end: an epoch that was cut short counts too.</summary>
    internal void End()
    {
        if (_prompts > 0)
        {
            Close($"over all the {_prompts} {prompts} since the last epoch began");
        }
    }

    private void Count(int count)
    {
        _prompts += count;
        if (_prompts >= promptsPerEpoch)
        {
            Close($"over a whole epoch of {_prompts} {prompts}");
        }
    }

    private void Close(string span)
    {
        if (!_informative && !_told)
        {
            _told = true;
            recorder.Diagnose(new Diagnosis(
                "equal-rewards",
                withinGroups
                    ? $"every group's rewards were equal {span}: nothing was learnt from them. Look at {file}; the reward may never fire, the task may be too hard or too easy, or group_size may be 1"
                    : $"every reward was equal {span}: nothing tells a good completion from a bad one. Look at {file}; the reward may never fire, or the task may be too hard or too easy"));
        }

        (_prompts, _informative, _first) = (0, false, null);
    }
}
