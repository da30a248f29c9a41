namespace Plumbline;

/// <summary>Completions to scores. It sees the whole batch with its groups.</summary>
[Kind(Kinds.Reward)]
public interface IReward
{
    /// <summary>Scores rollouts.</summary>
    Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context);
}

/// <summary>What a reward may know besides the rollouts.</summary>
/// <param name="Step">The step in hand, from 0.</param>
/// <param name="Steps">The stage's planned steps.</param>
/// <param name="Draws">Source of chance, keyed to this step.</param>
public sealed record RewardContext(int Step, int Steps, Draws Draws);

/// <summary>The scores of a batch of rollouts, a row each.</summary>
/// <param name="Values">The scalar score of each row.</param>
public sealed record Scores(double[] Values)
{
    /// <summary>Named components, each a value a row; logged by their means, and kept apart for advantages that want them.</summary>
    public IReadOnlyDictionary<string, double[]> Components { get; init; } = new Dictionary<string, double[]>();

    /// <summary>Scores of steps within each row, beside its scalar; null: none. A loop hands them to the advantage part.</summary>
    public IReadOnlyList<IReadOnlyList<StepScore>>? Steps { get; init; }

    /// <summary>False where the reward has no opinion of a row; null: it scored all.</summary>
    public bool[]? Scored { get; init; }
}

/// <summary>The score of one step of a completion.</summary>
/// <param name="End">The completion token after its last one; steps follow each other from token 0.</param>
/// <param name="Value">The score.</param>
public readonly record struct StepScore(int End, double Value);

/// <summary>A reward that looks at one completion at a time.</summary>
public abstract class RowReward : IReward
{
    /// <summary>The score of one completion.</summary>
    public abstract double Score(Rollout rollout);

    /// <inheritdoc/>
    Scores IReward.Score(IReadOnlyList<Rollout> rollouts, RewardContext context) => new([.. rollouts.Select(Score)]);
}
