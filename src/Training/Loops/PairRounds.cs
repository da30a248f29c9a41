namespace Plumbline.Training;

/// <summary>Options of loops that make pairs at each step and then learn from them by several updates.</summary>
public abstract record PairRoundsOptions : TextTrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<PairObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<PairObjective>> Terms { get; init; } = [];

    /// <summary>Optimiser updates a step, all on the same pairs.</summary>
    [Positive]
    public int UpdatesPerRound { get; init; } = 1;

    /// <summary>Begin each step with a fresh optimiser, as where each round is a fit of its own; the learning rate's schedule goes on.</summary>
    public bool ResetOptimizer { get; init; }

    /// <summary>Pairs an update, drawn anew each time; null: all.</summary>
    [Positive]
    public int? BatchSize { get; init; }

    /// <summary>Write a pair, or what it was found in, to samples.jsonl every so many steps; 0: never.</summary>
    [NonNegative]
    public int SampleEvery { get; init; } = 20;

    /// <inheritdoc/>
    internal override int UpdatesPerStep => UpdatesPerRound;

    /// <summary>The pairs of an update, in their own order.</summary>
    /// <param name="pairs">All of them.</param>
    /// <param name="draws">Source of chance, keyed to this update.</param>
    internal IReadOnlyList<T> Drawn<T>(IReadOnlyList<T> pairs, Draws draws) =>
        BatchSize is { } size && size < pairs.Count ? [.. draws.Permutation(pairs.Count).Take(size).Order().Select(place => pairs[place])] : [.. pairs];
}
