using Plumbline.Training;
using Plumbline.Training.Agents;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gigpo;

/// <summary>GiGPO: beside whole episodes, steps that stand in the same state are compared, without further rollouts or a critic.</summary>
/// <remarks>Inputs: logps, mask [N,T]; old_logps, absent on the first update; reference_logps where beta is not 0; advantages [N]. Outputs: loss, policy_loss, kl, clip_fraction.</remarks>
[Algorithm("gigpo", Loop.AgentRollouts, Paper = "2505.10978", Title = "Group-in-Group Policy Optimization for LLM Agent Training")]
[Default("learning_rate", 1e-6)]
public sealed class Gigpo(GigpoOptions options) : GroupObjective, ITurnObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.Beta == 0 ? Needs.None : Needs.Reference;

    /// <inheritdoc/>
    public ITurnAdvantage TurnAdvantage => new GroupInGroup(options);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => options.Beta == 0 ? base.Coefficients : new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>Clip and divergence over the tokens of all actions; a row is one step of one trajectory.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return ClippedPolicyLoss.Of(batch, options.ClipRange, batch.Number("beta") ?? options.Beta, options.KlClamp);
    }
}

/// <summary>A_i = AE_i + w · AS_i: an episode against its group's episodes, and a step against those that stand in the same state.</summary>
[Advantage("gigpo", Paper = "2505.10978", Title = "Group-in-Group Policy Optimization for LLM Agent Training")]
public sealed class GroupInGroup(GigpoAdvantageOptions options) : ITurnAdvantage
{
    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var anchors = batch.Texts(options.Anchor == StateAnchor.Text ? "observations" : "state_keys");
        return Advantages(batch["turn_rewards"], batch["group_ids"], batch["trajectory_ids"], batch["step_index"], anchors, batch["valid"], options);
    }

    /// <summary>R_i = Σ_{k≥t} γ^(k-t) r_k within a trajectory: returns [N].</summary>
    /// <param name="rewards">[N] of each step.</param>
    /// <param name="trajectoryIds">[N] int.</param>
    /// <param name="stepIndex">[N] int; rows may come in any order.</param>
    /// <param name="options">The discount.</param>
    [Target("gigpo/returns")]
    public static Tensor Returns(Tensor rewards, Tensor trajectoryIds, Tensor stepIndex, GigpoAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new TurnRows(trajectoryIds, stepIndex).Returns(rewards, options.Gamma);
    }

    /// <summary>Which rows stand in the same state, within each group: step_group_ids [N], by first appearance, and group_sizes [K].</summary>
    /// <param name="stateKeys">N texts.</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="options">Whether nearly equal states are the same.</param>
    [Target("gigpo/step_groups")]
    public static Outputs StepGroups(IReadOnlyList<string> stateKeys, Tensor groupIds, GigpoAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(stateKeys);
        ArgumentNullException.ThrowIfNull(groupIds);
        ArgumentNullException.ThrowIfNull(options);
        if (groupIds.dim() != 1 || groupIds.shape[0] != stateKeys.Count)
        {
            throw new InvalidInputException($"the shape of 'group_ids' is [{string.Join(',', groupIds.shape)}], and 'state_keys' has {stateKeys.Count} texts; they must be equal");
        }

        var clusters = new StateClusters(options.EnableSimilarity ? options.SimilarityThreshold : null);
        var groups = groupIds.cpu().to_type(ScalarType.Int64).data<long>().ToArray();
        long[] ids = [.. stateKeys.Zip(groups, clusters.Of)];
        return new Outputs
        {
            ["step_group_ids"] = tensor(ids, device: groupIds.device),
            ["group_sizes"] = tensor(clusters.Sizes.ToArray(), device: groupIds.device),
        };
    }

    /// <summary>The advantages of steps: episode_advantages, step_advantages, advantages [N]; step_group_size [], the mean over the rows.</summary>
    /// <param name="rewards">[N] of each step.</param>
    /// <param name="groupIds">[N] int; the trajectories of one task share an id.</param>
    /// <param name="trajectoryIds">[N] int.</param>
    /// <param name="stepIndex">[N] int.</param>
    /// <param name="stateKeys">N texts.</param>
    /// <param name="valid">[N] 0 where the action was invalid, else 1.</param>
    /// <param name="options">The options.</param>
    [Target("gigpo/advantages")]
    public static Outputs Advantages(
        Tensor rewards, Tensor groupIds, Tensor trajectoryIds, Tensor stepIndex, IReadOnlyList<string> stateKeys, Tensor valid, GigpoAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(valid);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("rewards", rewards).With("valid", valid).With("group_ids", groupIds).RequireSameShape("rewards", "valid", "group_ids");
        var rows = new TurnRows(trajectoryIds, stepIndex, groupIds);
        var cost = options.InvalidActionPenalty * (1 - valid.to_type(rewards.dtype));

        // Equation (3): one value a trajectory, so that long episodes weigh no more than short ones.
        var totals = rows.Totals(rewards);
        var (mean, std) = new Groups(rows.TrajectoryGroups(rewards.device)).RowStatistics(totals, ones_like(totals), ddof: 1, SingletonRule.Raw);
        var episode = Scaled(rows.Spread(totals) - cost - rows.Spread(mean), rows.Spread(std), options);

        // Equations (6) and (7): the rows that stand in one state. A row alone has nothing to be compared with.
        var returns = rows.Returns(rewards, options.Gamma) - cost;
        var anchors = StepGroups(stateKeys, groupIds, options);
        var states = new Groups(anchors.Tensor("step_group_ids"));
        var (stateMean, stateStd) = states.RowStatistics(returns, ones_like(returns), ddof: 1);
        var step = Scaled(returns - stateMean, stateStd, options).masked_fill(states.Spread(anchors.Tensor("group_sizes")).eq(1), 0);

        return new Outputs
        {
            ["episode_advantages"] = episode,
            ["step_advantages"] = step,
            ["advantages"] = episode + (options.StepAdvantageW * step),
            ["step_group_size"] = states.Spread(anchors.Tensor("group_sizes")).to_type(rewards.dtype).mean(),
        };
    }

    private static Tensor Scaled(Tensor differences, Tensor std, GigpoAdvantageOptions options) =>
        options.Mode == GigpoMode.MeanNorm ? differences : differences / (std + options.Epsilon);
}
