using Plumbline.Training;
using Plumbline.Training.Agents;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Salt;

/// <summary>SALT: the trajectories of a task are joined in a graph, and steps that several of them share get the mean of their advantages.</summary>
/// <remarks>Inputs: logps, mask [N,T]; old_logps, absent on the first update; reference_logps where beta is not 0; advantages [N]. Outputs: loss, policy_loss, kl, clip_fraction.</remarks>
[Algorithm("salt", Loop.AgentRollouts, Paper = "2510.20022", Title = "SALT: Step-level Advantage Assignment for Long-horizon Agents via Trajectory Graph")]
[Default("learning_rate", 1e-6)]
public sealed class Salt(SaltOptions options) : GroupObjective, ITurnObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.Beta == 0 ? Needs.None : Needs.Reference;

    /// <inheritdoc/>
    public ITurnAdvantage TurnAdvantage => new SharedSteps(options);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => options.Beta == 0 ? base.Coefficients : new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>Clip and divergence over the tokens of all actions; a row is one step of one trajectory.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return ClippedPolicyLoss.Of(batch, options.ClipRange, batch.Number("beta") ?? options.Beta, options.KlClamp);
    }
}

/// <summary>A step that several trajectories share gets the mean of its members' advantages; the others keep theirs.</summary>
/// <remarks>It transforms the advantages of the part before it, or those of whole trajectories that it makes itself.</remarks>
[Advantage("salt", Paper = "2510.20022", Title = "SALT: Step-level Advantage Assignment for Long-horizon Agents via Trajectory Graph")]
public sealed class SharedSteps(SaltAdvantageOptions options) : ITurnAdvantage
{
    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (groups, trajectories, steps) = (batch["group_ids"], batch["trajectory_ids"], batch["step_index"]);
        return Advantages(groups, trajectories, steps, batch.Texts("state_keys"), batch.Texts("actions"), batch.Texts("next_state_keys"), batch.Find("advantages") ?? OfTrajectories(), options);

        Tensor OfTrajectories()
        {
            var rows = new TurnRows(trajectories, steps, groups);
            return rows.Spread(TrajectoryAdvantages(rows.Totals(batch["turn_rewards"]), rows.TrajectoryGroups(groups.device), options));
        }
    }

    /// <summary>Each trajectory against its group: advantages [K]. A group of one keeps its return.</summary>
    /// <param name="returns">[K].</param>
    /// <param name="groupIds">[K] int.</param>
    /// <param name="options">The estimator.</param>
    [Target("salt/trajectory_advantages")]
    public static Tensor TrajectoryAdvantages(Tensor returns, Tensor groupIds, SaltAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(returns);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("returns", returns).With("group_ids", groupIds).RequireSameShape("returns", "group_ids");
        var groups = new Groups(groupIds);
        var (mean, std) = groups.RowStatistics(returns, ones_like(returns), ddof: 1, SingletonRule.Raw);
        var size = groups.Spread(groups.Sum(ones_like(returns)));
        return options.Estimator switch
        {
            TrajectoryEstimator.Grpo => (returns - mean) / (std + options.Epsilon),
            TrajectoryEstimator.Rloo => (returns - mean) * size / (size - 1).clamp_min(1),
            _ => returns - mean,
        };
    }

    /// <summary>Which rows are the same step: edge_ids [N], by first appearance, and edge_counts [E].</summary>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="trajectoryIds">[N] int.</param>
    /// <param name="stepIndex">[N] int.</param>
    /// <param name="stateKeys">N texts.</param>
    /// <param name="actions">N texts.</param>
    /// <param name="nextStateKeys">N texts.</param>
    /// <param name="options">What rows must agree in.</param>
    [Target("salt/edges")]
    public static Outputs Edges(
        Tensor groupIds, Tensor trajectoryIds, Tensor stepIndex, IReadOnlyList<string> stateKeys, IReadOnlyList<string> actions, IReadOnlyList<string> nextStateKeys, SaltAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(groupIds);
        var ids = EdgeIds(new TurnRows(trajectoryIds, stepIndex, groupIds), stateKeys, actions, nextStateKeys, options);
        return new Outputs { ["edge_ids"] = tensor(ids, device: groupIds.device), ["edge_counts"] = tensor(ids.CountBy(id => id).Select(edge => (long)edge.Value).ToArray(), device: groupIds.device) };
    }

    /// <summary>The advantages of steps: advantages [N], shared [N] (1 where at least two trajectories meet); shared_edges [], the share of edges that are.</summary>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="trajectoryIds">[N] int.</param>
    /// <param name="stepIndex">[N] int.</param>
    /// <param name="stateKeys">N texts.</param>
    /// <param name="actions">N texts.</param>
    /// <param name="nextStateKeys">N texts.</param>
    /// <param name="rowAdvantages">[N] what each row has so far.</param>
    /// <param name="options">What rows must agree in, and how an edge's mean counts them.</param>
    [Target("salt/advantages")]
    public static Outputs Advantages(
        Tensor groupIds, Tensor trajectoryIds, Tensor stepIndex, IReadOnlyList<string> stateKeys, IReadOnlyList<string> actions, IReadOnlyList<string> nextStateKeys, Tensor rowAdvantages,
        SaltAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(rowAdvantages);
        ArgumentNullException.ThrowIfNull(options);
        var rows = new TurnRows(trajectoryIds, stepIndex, groupIds);
        var (before, after, shared) = (rows.Doubles(rowAdvantages, "row_advantages"), new double[stateKeys.Count], new double[stateKeys.Count]);
        var edges = EdgeIds(rows, stateKeys, actions, nextStateKeys, options).Select((edge, row) => (edge, row)).GroupBy(pair => pair.edge, pair => pair.row).Select(edge => edge.ToArray()).ToList();
        var meetings = 0;
        foreach (var members in edges)
        {
            int[] once = [.. members.DistinctBy(row => rows.Trajectory[row])];
            var mean = (options.Count == EdgeCount.Steps ? members : once).Average(row => before[row]);
            meetings += once.Length > 1 ? 1 : 0;
            foreach (var row in members)
            {
                (after[row], shared[row]) = (members.Length == 1 ? before[row] : mean, once.Length > 1 ? 1 : 0);
            }
        }

        var like = rowAdvantages.detach();
        return new Outputs
        {
            ["advantages"] = tensor(after, device: like.device).to_type(like.dtype),
            ["shared"] = tensor(shared, device: like.device).to_type(like.dtype),
            ["shared_edges"] = tensor((double)meetings / edges.Count, device: like.device).to_type(like.dtype),
        };
    }

    private static long[] EdgeIds(TurnRows rows, IReadOnlyList<string> stateKeys, IReadOnlyList<string> actions, IReadOnlyList<string> nextStateKeys, SaltAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        rows.RequireRows(stateKeys, "state_keys");
        rows.RequireRows(actions, "actions");
        rows.RequireRows(nextStateKeys, "next_state_keys");
        var pairs = new Dictionary<(string State, string Action), int>();
        int[] pair = [.. stateKeys.Zip(actions, (state, action) => Number(pairs, (state, action.Trim())))];
        var pasts = new string[pair.Length];
        Array.Fill(pasts, string.Empty);
        foreach (var trajectory in options.History > 0 ? rows.Trajectories : [])
        {
            for (var i = 0; i < trajectory.Length; i++)
            {
                pasts[trajectory[i]] = string.Join(' ', trajectory[Math.Max(0, i - options.History)..i].Select(row => pair[row]));
            }
        }

        var edges = new Dictionary<(long Group, int Pair, string? Next, string Past), int>();
        return [.. Enumerable.Range(0, pair.Length).Select(row => (long)Number(edges, (rows.GroupIds![row], pair[row], options.Key == EdgeKey.StateAction ? null : nextStateKeys[row], pasts[row])))];

        static int Number<T>(Dictionary<T, int> known, T item)
            where T : notnull
        {
            known.TryAdd(item, known.Count);
            return known[item];
        }
    }
}
