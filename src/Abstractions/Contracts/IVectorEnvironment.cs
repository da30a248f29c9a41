namespace Plumbline;

/// <summary>A decision problem in numbers: many episodes side by side, a row each.</summary>
[Kind(Kinds.Environment)]
public interface IVectorEnvironment
{
    /// <summary>Numbers in an observation.</summary>
    int ObservationSize { get; }

    /// <summary>What can be done.</summary>
    ActionSpace Actions { get; }

    /// <summary>Steps of the longest episode.</summary>
    int Horizon { get; }

    /// <summary>Begins episodes. What happens in one depends on its key alone, not on the others.</summary>
    /// <param name="episodes">How many, N.</param>
    /// <param name="draws">Source of chance; an episode's own is <c>draws.Key(row)</c>.</param>
    IVectorEpisodes Reset(int episodes, Draws draws);
}

/// <summary>The actions of a decision problem: a choice for each of several components, or a vector of numbers.</summary>
public sealed record ActionSpace
{
    private ActionSpace()
    {
    }

    /// <summary>The number of choices of each component; empty where actions are vectors.</summary>
    public IReadOnlyList<int> Choices { get; private init; } = [];

    /// <summary>Numbers in an action; 0 where actions are choices.</summary>
    public int Dimensions { get; private init; }

    /// <summary>One number for each component's choice, or each number of the vector.</summary>
    public int Size => Dimensions > 0 ? Dimensions : Choices.Count;

    /// <summary>One choice for each component.</summary>
    public static ActionSpace Discrete(params IReadOnlyList<int> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        return choices.Count > 0 && choices.All(count => count > 0) ? new ActionSpace { Choices = [.. choices] }
            : throw new ArgumentException("an action needs at least one component, and each at least one choice", nameof(choices));
    }

    /// <summary>A vector of real numbers.</summary>
    public static ActionSpace Continuous(int dimensions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimensions);
        return new ActionSpace { Dimensions = dimensions };
    }

    /// <summary>Such as <c>choices 7, 7</c> or <c>2 numbers</c>.</summary>
    public override string ToString() => Dimensions > 0 ? $"{Dimensions} numbers" : $"choices {string.Join(", ", Choices)}";

    /// <inheritdoc/>
    public bool Equals(ActionSpace? other) => other is not null && Dimensions == other.Dimensions && Choices.SequenceEqual(other.Choices);

    /// <inheritdoc/>
    public override int GetHashCode() => Choices.Aggregate(Dimensions, HashCode.Combine);
}

/// <summary>Episodes of a decision problem side by side.</summary>
/// <remarks>They may outlive a dispose scope: what they keep from step to step is in plain arrays, or detached. A row that has ended stays as it is, with rewards of 0.</remarks>
public interface IVectorEpisodes
{
    /// <summary>[N,D] what is seen now.</summary>
    Tensor Observations { get; }

    /// <summary>Takes an action in each.</summary>
    /// <param name="actions">[N,M] int64 choices, or [N,M] floats.</param>
    VectorOutcome Step(Tensor actions);
}

/// <summary>Episodes whose step has a known part first, the action's, and then a random one.</summary>
public interface IPostDecisionEpisodes : IVectorEpisodes
{
    /// <summary>What each action leads to before chance has its turn; changes nothing.</summary>
    /// <param name="actions">As <see cref="IVectorEpisodes.Step"/> takes them.</param>
    /// <returns>[N,D] what would be seen, and [N] the part of the reward that is known then.</returns>
    (Tensor Observations, Tensor Rewards) PostDecision(Tensor actions);
}

/// <summary>What a step of many episodes led to.</summary>
/// <param name="Rewards">[N].</param>
/// <param name="Terminated">[N] bool: the episode ended with this step, and what comes after is worth 0.</param>
/// <param name="Truncated">[N] bool: the horizon was reached with this step.</param>
public sealed record VectorOutcome(Tensor Rewards, Tensor Terminated, Tensor Truncated);
