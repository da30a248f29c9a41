namespace Plumbline.Training.Search;

/// <summary>Where a path of steps has led: a text so far, a place in an environment. A space makes its own kind of state.</summary>
public abstract class SearchState
{
    /// <summary>The state before the step; null where the search began.</summary>
    public SearchState? Parent { get; init; }

    /// <summary>The step that led here; null where the search began.</summary>
    public SearchStep? Step { get; init; }

    /// <summary>Steps since the search began.</summary>
    public int Depth => Parent is null ? 0 : Parent.Depth + 1;

    /// <summary>The task that is searched.</summary>
    public required SearchTask Task { get; init; }

    /// <summary>The tokens that the policy reads before the step that leads on from here; empty where it reads none.</summary>
    public virtual IReadOnlyList<int> Context => [];

    /// <summary>Whether no step leads on from here.</summary>
    public bool Terminal { get; init; }

    /// <summary>What the finished path earned, where it is finished and something says so.</summary>
    public double? Reward { get; set; }

    /// <summary>Whether the finished path is no part of a worked solution that the task has.</summary>
    public bool Novel { get; init; }

    /// <summary>The steps since the search began, the first one first.</summary>
    public IReadOnlyList<SearchStep> Steps
    {
        get
        {
            var steps = new SearchStep[Depth];
            var state = this;
            for (var at = steps.Length - 1; at >= 0; at--, state = state.Parent!)
            {
                steps[at] = state.Step!;
            }

            return steps;
        }
    }
}

/// <summary>One step: a line or some tokens of a text, an action in an environment.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Tokens">The policy's tokens for it; of a policy that chooses the place of its choice.</param>
/// <param name="Logps">The log-probability of each of them under the policy that proposed it, at its temperature; nats.</param>
public sealed record SearchStep(string Text, int[] Tokens, float[] Logps);

/// <summary>What to search: a row of the data.</summary>
/// <param name="Example">The row.</param>
/// <param name="Prompt">Its prompt's tokens; null: the space makes them, or the policy reads none.</param>
/// <param name="Draws">Source of chance, keyed down to this task.</param>
public sealed record SearchTask(Example Example, int[]? Prompt, Draws Draws)
{
    /// <summary>The longest path in tokens where it is shorter than the space's own; null: the space's own.</summary>
    public int? Longest { get; init; }
}
