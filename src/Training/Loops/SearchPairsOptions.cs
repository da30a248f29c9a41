using Plumbline.Training.Search;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>search-pairs</c>.</summary>
public sealed record SearchPairsOptions : PairRoundsOptions
{
    /// <summary>What searches.</summary>
    public required Part<ISearch> Search { get; init; }

    /// <summary>What is searched: the steps of a text, or those of an environment.</summary>
    public required Part<ISearchSpaces> Space { get; init; }

    /// <summary>Which steps of a searched tree make pairs.</summary>
    public required Part<ITreePairs> Pairs { get; init; }

    /// <summary>Tasks searched a step.</summary>
    [Positive]
    public int TasksPerStep { get; init; } = 64;

    /// <summary>Pairs a task at the most.</summary>
    [Positive]
    public int PairsPerTask { get; init; } = 8;

    /// <summary>Learn from a task only where the path that its search ends with is right.</summary>
    public bool Filter { get; init; } = true;

    /// <summary>The reward from which on a finished path is right.</summary>
    public double RightAt { get; init; } = 1;

    /// <summary>A step that is followed by one step alone takes it in, and so on, as one longer step of a pair.</summary>
    public bool JoinChains { get; init; } = true;

    /// <summary>The policy that searches is the one in training as it was at the last of every so many steps; 0: as it was when the stage began.</summary>
    [NonNegative]
    public int RefreshEvery { get; init; } = 1;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = 2L * UpdatesPerRound * (BatchSize ?? ((long)TasksPerStep * PairsPerTask)),
        SampledSequences = TasksPerStep,
        FrozenCopies = ReferenceCopies(services, Objective, Terms) + (RefreshEvery > 1 ? 1 : 0),
    };
}
