namespace Plumbline.Training.Agents;

/// <summary>Advantages of turns: a row is one turn of one episode.</summary>
/// <remarks>
/// The batch holds, of every turn of the step, <c>turn_rewards</c> [N], <c>rewards</c> [N] (the sum over its episode), group_ids, trajectory_ids, step_index [N]
/// int64, valid, terminated, truncated, success [N] bool, old_logps, mask [N,T], tokens [N,T] int64; the texts <c>observations</c>, <c>state_keys</c>,
/// <c>actions</c>, <c>next_state_keys</c>; the plain numbers <c>step</c> and <c>total_steps</c>; and, in a chain, the <c>advantages</c> of the part before.
/// The advantages are [N] or [N,T].
/// </remarks>
public interface ITurnAdvantage : IAdvantage;

/// <summary>An objective over groups with advantages of turns of its own: what makes them where the stage names nothing for it.</summary>
public interface ITurnObjective
{
    /// <summary>The advantages that go with the objective.</summary>
    ITurnAdvantage TurnAdvantage { get; }
}

/// <summary>Options of <c>trajectories</c>.</summary>
public sealed record TrajectoryAdvantagesOptions
{
    /// <summary>What compares the episodes of a group, by their returns.</summary>
    public required Part<IGroupAdvantage> Estimator { get; init; }
}

/// <summary>Compares whole episodes, one value each, as completions are compared; every turn has its episode's.</summary>
/// <remarks>Long episodes weigh no more in a group's statistics than short ones. Further outputs are the estimator's, an entry an episode.</remarks>
[Advantage("trajectories")]
[Default("estimator", GroupRelative.Id)]
public sealed class TrajectoryAdvantages : ITurnAdvantage
{
    private readonly IGroupAdvantage _estimator;

    /// <summary>Makes the part that a manifest names.</summary>
    public TrajectoryAdvantages(TrajectoryAdvantagesOptions options, IServiceProvider services)
        : this((options ?? throw new ArgumentNullException(nameof(options))).Estimator.Create(services))
    {
    }

    internal TrajectoryAdvantages(IGroupAdvantage estimator) => _estimator = estimator;

    /// <inheritdoc/>
    public IReadOnlyList<string> Draws => _estimator.Draws;

    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rows = new TurnRows(batch["trajectory_ids"], batch["step_index"], batch["group_ids"]);
        var last = torch.tensor(rows.Trajectories.Select(trajectory => (long)trajectory[^1]).ToArray(), device: batch["group_ids"].device);
        var episodes = new Batch()
            .With("rewards", rows.Totals(batch["turn_rewards"]))
            .With("group_ids", rows.TrajectoryGroups(batch["group_ids"].device))
            .With("truncated", batch.Find("truncated")?.index_select(0, last))
            .With("step", batch.Number("step"))
            .With("total_steps", batch.Number("total_steps"));
        foreach (var name in _estimator.Draws)
        {
            episodes.With(name, batch[name].index_select(0, last));
        }

        var outputs = _estimator.Compute(episodes);
        var advantages = outputs.Tensor("advantages");
        outputs["advantages"] = advantages.dim() == 1 ? rows.Spread(advantages)
            : throw new InvalidInputException($"the estimator {_estimator.GetType().Name} gives advantages of the shape [{string.Join(',', advantages.shape)}], and an episode has one");
        return outputs;
    }
}
