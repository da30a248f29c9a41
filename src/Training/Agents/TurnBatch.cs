using static TorchSharp.torch;

namespace Plumbline.Training.Agents;

/// <summary>The turns of a step's episodes as rows, and the tensors of them that advantage parts and objectives read.</summary>
internal sealed class TurnBatch
{
    private readonly Device _device;
    private readonly ScalarType _dtype;

    internal TurnBatch(IReadOnlyList<Trajectory> trajectories, Device device, ScalarType dtype)
    {
        (Trajectories, _device, _dtype) = (trajectories, device, dtype);
        var rows = trajectories.SelectMany((trajectory, k) => trajectory.Turns.Select((turn, step) => (turn, k, step))).ToArray();
        (Turns, Trajectory, StepIndex) = ([.. rows.Select(row => row.turn)], [.. rows.Select(row => row.k)], [.. rows.Select(row => row.step)]);
        Rewards = [.. Turns.Select(turn => turn.Outcome.Reward)];
    }

    internal IReadOnlyList<Trajectory> Trajectories { get; }

    /// <summary>The turns of the first episode, then those of the second, and so on.</summary>
    internal IReadOnlyList<Turn> Turns { get; }

    /// <summary>Each row's episode.</summary>
    internal int[] Trajectory { get; }

    /// <summary>Each row's place in its episode.</summary>
    internal int[] StepIndex { get; }

    /// <summary>The reward of each turn, the reward parts' included.</summary>
    internal double[] Rewards { get; }

    /// <summary>The undiscounted return of each episode.</summary>
    internal double[] Returns
    {
        get
        {
            var returns = new double[Trajectories.Count];
            for (var row = 0; row < Rewards.Length; row++)
            {
                returns[Trajectory[row]] += Rewards[row];
            }

            return returns;
        }
    }

    internal int Count => Turns.Count;

    internal long Tokens => Turns.Sum(turn => (long)turn.Reply.Prompt.Length + turn.Reply.Tokens.Length);

    /// <summary>Adds to the rewards of the turns.</summary>
    internal void Add(double[] values)
    {
        for (var row = 0; row < values.Length; row++)
        {
            Rewards[row] += values[row];
        }
    }

    /// <summary>What advantage parts read, of all turns.</summary>
    internal Batch Inputs(int step, int steps)
    {
        var width = Turns.Max(turn => turn.Reply.Tokens.Length);
        var (logps, mask, tokens) = (new double[Count * width], new float[Count * width], new long[Count * width]);
        for (var row = 0; row < Count; row++)
        {
            var reply = Turns[row].Reply;
            for (var t = 0; t < reply.Tokens.Length; t++)
            {
                (logps[(row * width) + t], mask[(row * width) + t], tokens[(row * width) + t]) = (reply.Logps[t], 1, reply.Tokens[t]);
            }
        }

        var returns = Returns;
        return new Batch()
            .With("rewards", Numbers([.. Trajectory.Select(k => returns[k])]))
            .With("turn_rewards", Numbers(Rewards))
            .With("group_ids", Ids(row => Trajectories[Trajectory[row]].Group))
            .With("trajectory_ids", Ids(row => Trajectory[row]))
            .With("step_index", Ids(row => StepIndex[row]))
            .With("valid", Flags(turn => turn.Valid))
            .With("terminated", Flags(turn => turn.Outcome.Terminated))
            .With("truncated", Flags(turn => turn.Truncated))
            .With("success", Flags(turn => turn.Outcome.Success))
            .With("old_logps", tensor(logps, [Count, width], device: _device).to_type(_dtype))
            .With("mask", tensor(mask, [Count, width], device: _device).to_type(_dtype))
            .With("tokens", tensor(tokens, [Count, width], device: _device))
            .With("observations", Texts(turn => turn.Seen.Text))
            .With("state_keys", Texts(turn => turn.Seen.StateKey))
            .With("actions", Texts(turn => turn.Reply.Action))
            .With("next_state_keys", Texts(turn => turn.Outcome.Observation.StateKey))
            .With("step", step)
            .With("total_steps", steps);
    }

    private Tensor Numbers(double[] values) => tensor(values, device: _device).to_type(_dtype);

    private Tensor Ids(Func<int, long> id) => tensor(Enumerable.Range(0, Count).Select(id).ToArray(), device: _device);

    private Tensor Flags(Func<Turn, bool> flag) => tensor(Turns.Select(flag).ToArray(), device: _device);

    private string[] Texts(Func<Turn, string> text) => [.. Turns.Select(text)];
}
