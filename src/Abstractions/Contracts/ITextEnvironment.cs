namespace Plumbline;

/// <summary>Answers actions given as text with observations and rewards, turn by turn.</summary>
[Kind(Kinds.Environment)]
public interface ITextEnvironment
{
    /// <summary>Begins an episode. The same seed always gives the same task, the same texts and the same answers to the same actions.</summary>
    IEpisode Reset(long seed);
}

/// <summary>One episode of a text environment.</summary>
/// <remarks>Actions are trimmed and lower-cased. One that can't be taken changes nothing but uses up a turn; it never throws.</remarks>
public interface IEpisode
{
    /// <summary>What the policy may read now.</summary>
    Observation Observation { get; }

    /// <summary>Takes an action.</summary>
    /// <exception cref="InvalidOperationException">The episode has ended; the message says <c>after the end</c>.</exception>
    Outcome Step(string action);

    /// <summary>Whether <see cref="Clone"/> works. Where it does not, a search replays the seed and the actions.</summary>
    bool CanClone => false;

    /// <summary>A deep, independent copy: a step of either changes nothing in the other.</summary>
    /// <exception cref="NotSupportedException">This environment makes none.</exception>
    IEpisode Clone() => throw new NotSupportedException($"{GetType().Name} makes no copies of an episode");

    /// <summary>What an expert would do now; null where the environment has none, or it does not know.</summary>
    string? ExpertAction => null;
}

/// <summary>What the policy may read, and what identifies the state.</summary>
/// <param name="Text">All that the policy may read, the task included.</param>
/// <param name="StateKey">The state as a text: equal exactly where the states are equal. It counts no turns.</param>
/// <param name="LegalActions">The actions that can be taken, in order; empty after the end; null where they can't be listed.</param>
public sealed record Observation(string Text, string StateKey, IReadOnlyList<string>? LegalActions);

/// <summary>What an action led to.</summary>
/// <param name="Observation">What is seen now.</param>
/// <param name="Reward">The reward of this turn; an episode's return is their sum.</param>
public sealed record Outcome(Observation Observation, double Reward)
{
    /// <summary>The task ended here; what comes after is worth 0.</summary>
    public bool Terminated { get; init; }

    /// <summary>The limit of turns was reached; the task could have gone on.</summary>
    public bool Truncated { get; init; }

    /// <summary>Whether the action could be taken.</summary>
    public bool Valid { get; init; } = true;

    /// <summary>Whether the task is done as it was asked.</summary>
    public bool Success { get; init; }

    /// <summary>Whether the episode goes no further.</summary>
    public bool Ended => Terminated || Truncated;
}
