using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>An advantage part at work on trajectories: it is given their rewards, their graph, and the rewards of earlier steps that it wants to see.</summary>
internal sealed class TransitionAdvantages(DiffusionRolloutsOptions options, StageContext stage, string id, ITransitionAdvantage part)
{
    private readonly Dictionary<long, Queue<double>> _remembered = [];

    /// <summary>The advantages of a step's trajectories.</summary>
    /// <returns>Advantages [R] or [R,W]; which steps train, R times W of them, or null: all that can.</returns>
    internal (Tensor Advantages, bool[]? Keep) Of(ScoredTrajectories scored, int step, Dictionary<string, double> metrics)
    {
        stage.Recorder.InHand(Kinds.Advantage + " " + id, "advantages");
        using var still = no_grad();
        var (rows, width) = ((long)scored.Trajectories.Rows.Count, (long)scored.Trajectories.Rows[0].Count);
        var batch = Structure(scored, rows, width).With("step", step).With("total_steps", options.Steps);
        Learner.AddDraws(batch, part.Draws, stage, step, batch["rewards"]);
        Remember(batch, scored);
        var outputs = part.Compute(batch);
        metrics.Add(outputs);
        metrics.Remove("advantages");
        metrics.Remove("keep");
        var advantages = outputs.Tensor("advantages");
        if (!advantages.shape.AsSpan().SequenceEqual([rows]) && !advantages.shape.AsSpan().SequenceEqual([rows, width]))
        {
            throw new PlumblineException($"advantage '{id}' gave advantages of shape [{string.Join(',', advantages.shape)}]; these trajectories want [{rows}] or [{rows},{width}]");
        }

        return (advantages, outputs.Has("keep") ? outputs.Tensor("keep").reshape(rows, width).cpu().data<bool>().ToArray() : null);
    }

    /// <summary>Rewards and the graph of the trajectories.</summary>
    private static Batch Structure(ScoredTrajectories scored, long rows, long width)
    {
        var trajectories = scored.Trajectories;
        var (device, dtype) = (trajectories.States.device, Kernels.WideType(trajectories.States.dtype));
        Tensor Numbers(IEnumerable<int> numbers) => tensor(numbers.Select(number => (long)number).ToArray(), device: device);
        var batch = new Batch()
            .With("rewards", scored.Rewards(device, dtype))
            .With("group_ids", Numbers(trajectories.SampleGroups))
            .With("prompt_ids", tensor(trajectories.SampleGroups.Select(group => scored.Prompts[group]).ToArray(), device: device))
            .With("scored", scored.Scored is { } seen ? tensor(seen, device: device) : null)
            .With("leaves", Numbers(trajectories.Leaves))
            .With("edge_parents", Numbers(trajectories.Parents))
            .With("edge_children", Numbers(trajectories.Children))
            .With("edge_steps", Numbers(trajectories.Steps))
            .With("edge_groups", Numbers(trajectories.Groups))
            .With("edge_logps", trajectories.Logps.to_type(dtype))
            .With("edge_trains", tensor(trajectories.Trains.ToArray(), device: device))
            .With("row_edges", Numbers(trajectories.Rows.SelectMany(row => row)).reshape(rows, width));
        foreach (var (name, value) in trajectories.Further)
        {
            batch.With(name, value);
        }

        return batch;
    }

    /// <summary>Adds the rewards of earlier steps, and remembers those of this one.</summary>
    private void Remember(Batch batch, ScoredTrajectories scored)
    {
        if (part.Remembers == 0)
        {
            return;
        }

        var history = _remembered.SelectMany(prompt => prompt.Value.Select(reward => (prompt.Key, Reward: reward))).ToArray();
        var rewards = batch["rewards"];
        batch.With("history_ids", tensor(history.Select(pair => pair.Key).ToArray(), device: rewards.device))
            .With("history_rewards", tensor(history.Select(pair => pair.Reward).ToArray(), device: rewards.device).to_type(rewards.dtype));
        for (var sample = 0; sample < scored.Totals.Length; sample++)
        {
            if (scored.Scored is { } seen && !seen[sample])
            {
                continue;
            }

            var prompt = scored.Prompts[scored.Trajectories.SampleGroups[sample]];
            if (!_remembered.TryGetValue(prompt, out var own))
            {
                _remembered[prompt] = own = new Queue<double>();
            }

            own.Enqueue(scored.Totals[sample]);
            while (own.Count > part.Remembers)
            {
                own.Dequeue();
            }
        }
    }
}
