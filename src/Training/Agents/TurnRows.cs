using static TorchSharp.torch;

namespace Plumbline.Training.Agents;

/// <summary>The rows of a batch of turns by trajectory, in the order of their steps, whatever the order of the rows.</summary>
public sealed class TurnRows
{
    private readonly long[] _steps;

    /// <summary>The trajectories of a batch.</summary>
    /// <param name="trajectoryIds">[N] int; the turns of one trajectory share an id.</param>
    /// <param name="stepIndex">[N] int; a turn's place in its trajectory.</param>
    /// <param name="groupIds">[N] int; the trajectories of one task share an id. Null: not looked at.</param>
    /// <exception cref="InvalidInputException">Two rows are the same step of a trajectory (<c>step_index</c>), or a trajectory lies in two groups (<c>trajectory</c>), or the shapes differ (<c>shape</c>).</exception>
    public TurnRows(Tensor trajectoryIds, Tensor stepIndex, Tensor? groupIds = null)
    {
        new Batch().With("trajectory_ids", trajectoryIds).With("step_index", stepIndex).With("group_ids", groupIds).RequireSameShape("trajectory_ids", "step_index", "group_ids");
        var trajectories = Longs(trajectoryIds);
        (_steps, GroupIds) = (Longs(stepIndex), groupIds is null ? null : Longs(groupIds));
        Trajectories = [.. Enumerable.Range(0, trajectories.Length).GroupBy(row => trajectories[row]).Select(rows => rows.OrderBy(row => _steps[row]).ToArray())];
        Trajectory = new int[trajectories.Length];
        for (var k = 0; k < Trajectories.Count; k++)
        {
            var rows = Trajectories[k];
            for (var i = 0; i < rows.Length; i++)
            {
                Trajectory[rows[i]] = k;
                if (i > 0 && _steps[rows[i]] == _steps[rows[i - 1]])
                {
                    throw new InvalidInputException($"'step_index' has step {_steps[rows[i]]} of trajectory {trajectories[rows[i]]} in rows {rows[i - 1]} and {rows[i]}; a trajectory has a step once");
                }

                if (GroupIds is not null && GroupIds[rows[i]] != GroupIds[rows[0]])
                {
                    throw new InvalidInputException($"the trajectory {trajectories[rows[i]]} lies in the groups {GroupIds[rows[0]]} and {GroupIds[rows[i]]} of 'group_ids'; a trajectory belongs to one");
                }
            }
        }
    }

    /// <summary>The rows of each trajectory by step; trajectories in the order of their first rows.</summary>
    public IReadOnlyList<int[]> Trajectories { get; }

    /// <summary>Each row's place in <see cref="Trajectories"/>.</summary>
    public int[] Trajectory { get; }

    /// <summary>Each row's group; null where none were given.</summary>
    public long[]? GroupIds { get; }

    /// <summary>Each row's discounted sum of rewards from its step on: Σ_{k≥t} γ^(k-t) r_k.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="gamma">γ.</param>
    /// <returns>[N].</returns>
    /// <exception cref="InvalidInputException">The message holds <c>shape</c>: there are not as many rewards as rows.</exception>
    public Tensor Returns(Tensor rewards, double gamma)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        var values = Doubles(rewards, "rewards");
        foreach (var rows in Trajectories)
        {
            for (var i = rows.Length - 2; i >= 0; i--)
            {
                values[rows[i]] += Math.Pow(gamma, _steps[rows[i + 1]] - _steps[rows[i]]) * values[rows[i + 1]];
            }
        }

        return Like(rewards, values);
    }

    /// <summary>The undiscounted sum of each trajectory's rewards.</summary>
    /// <param name="rewards">[N].</param>
    /// <returns>[K], in the order of <see cref="Trajectories"/>.</returns>
    public Tensor Totals(Tensor rewards)
    {
        var values = Doubles(rewards, "rewards");
        return Like(rewards, [.. Trajectories.Select(rows => rows.Sum(row => values[row]))]);
    }

    /// <summary>[K] int64: the group of each trajectory.</summary>
    public Tensor TrajectoryGroups(Device device)
    {
        var groups = GroupIds ?? throw new InvalidInputException("the input 'group_ids' is missing");
        return tensor(Trajectories.Select(rows => groups[rows[0]]).ToArray(), device: device);
    }

    /// <summary>One entry a trajectory to one entry a row.</summary>
    /// <param name="values">[K].</param>
    /// <returns>[N].</returns>
    public Tensor Spread(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.index_select(0, tensor(Trajectory.Select(place => (long)place).ToArray(), device: values.device));
    }

    /// <summary>A tensor [N] as numbers.</summary>
    /// <exception cref="InvalidInputException">It has another shape; the message holds <c>shape</c> and the name.</exception>
    public double[] Doubles(Tensor values, string name)
    {
        ArgumentNullException.ThrowIfNull(values);
        RequireRows(values.shape, name);
        return values.detach().cpu().to_type(ScalarType.Float64).data<double>().ToArray();
    }

    /// <summary>Refuses a list that has not one text a row.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>shape</c> and the name.</exception>
    public void RequireRows(IReadOnlyCollection<string> texts, string name)
    {
        ArgumentNullException.ThrowIfNull(texts);
        RequireRows([texts.Count], name);
    }

    /// <summary>Numbers as a tensor with the dtype and device of another.</summary>
    internal static Tensor Like(Tensor like, double[] values) => tensor(values, device: like.device).to_type(like.dtype);

    private void RequireRows(ReadOnlySpan<long> shape, string name)
    {
        if (shape.Length != 1 || shape[0] != Trajectory.Length)
        {
            throw new InvalidInputException($"the shape of '{name}' is [{string.Join(',', shape.ToArray())}], and there are {Trajectory.Length} turns; it must have one entry a turn");
        }
    }

    private static long[] Longs(Tensor ids) => ids.dim() == 1 ? ids.cpu().to_type(ScalarType.Int64).data<long>().ToArray()
        : throw new InvalidInputException($"the shape of the ids is [{string.Join(',', ids.shape)}]; they must be [N], one a turn");
}
