namespace Plumbline.Training.Environments;

/// <summary>A text environment in use: it counts the steps taken, keeps what each episode did, and forks episodes.</summary>
/// <param name="environment">The environment.</param>
/// <param name="name">What messages call it; null: its class.</param>
public sealed class EpisodeHarness(ITextEnvironment environment, string? name = null)
{
    /// <summary>Steps taken in all episodes, replays included.</summary>
    public long Steps { get; private set; }

    /// <summary>Those of <see cref="Steps"/> that only replayed what a fork had done before.</summary>
    public long ReplayedSteps { get; private set; }

    /// <summary>Episodes begun, forks not counted.</summary>
    public long Resets { get; private set; }

    /// <summary>Begins an episode.</summary>
    public Episode Reset(long seed)
    {
        Resets++;
        return new Episode(this, seed, environment.Reset(seed));
    }

    /// <summary>Begins an episode and takes actions in it.</summary>
    /// <exception cref="InvalidInputException">One comes after the end.</exception>
    public Episode Replay(long seed, IReadOnlyList<string> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        var episode = Reset(seed);
        foreach (var action in actions)
        {
            episode.Step(action);
        }

        return episode;
    }

    /// <summary>All that is seen on the way of some actions.</summary>
    /// <exception cref="InvalidInputException">One comes after the end.</exception>
    public EpisodeTrace Trace(long seed, IReadOnlyList<string> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        var episode = Reset(seed);
        List<Observation> observations = [episode.Observation];
        List<Outcome> outcomes = [];
        foreach (var action in actions)
        {
            outcomes.Add(episode.Step(action));
            observations.Add(episode.Observation);
        }

        return new EpisodeTrace(
            [.. observations.Select(seen => seen.Text)],
            [.. observations.Select(seen => seen.StateKey)],
            [.. observations.Select(seen => seen.LegalActions)],
            [.. outcomes.Select(outcome => outcome.Reward)],
            [.. outcomes.Select(outcome => outcome.Terminated)],
            [.. outcomes.Select(outcome => outcome.Truncated)],
            [.. outcomes.Select(outcome => outcome.Valid)],
            episode.Success);
    }

    internal Outcome Step(IEpisode episode, string action)
    {
        Steps++;
        return episode.Step(action);
    }

    /// <summary>A second episode that stands where one stands: a copy, or the same actions again.</summary>
    internal IEpisode Fork(Episode node, IEpisode inner)
    {
        var fork = inner.CanClone ? inner.Clone() : environment.Reset(node.Seed);
        if (!inner.CanClone)
        {
            foreach (var action in node.Actions)
            {
                Steps++;
                ReplayedSteps++;
                fork.Step(action);
            }
        }

        return fork.Observation.StateKey == node.Observation.StateKey ? fork
            : throw new PlumblineException(
                $"{(inner.CanClone ? "a copy of an episode" : "replay")} diverged: in {name ?? environment.GetType().Name}, seed {node.Seed} and {node.Actions.Count} actions, the state key is '{fork.Observation.StateKey}', and '{node.Observation.StateKey}' was recorded; the environment must depend on seed and actions alone");
    }
}

/// <summary>An episode in use: it remembers its seed, its actions and what came of them.</summary>
public sealed class Episode
{
    private readonly EpisodeHarness _harness;
    private readonly IEpisode _inner;
    private readonly List<string> _actions;

    internal Episode(EpisodeHarness harness, long seed, IEpisode inner)
        : this(harness, seed, inner, [])
    {
    }

    private Episode(EpisodeHarness harness, long seed, IEpisode inner, List<string> actions) => (_harness, Seed, _inner, _actions) = (harness, seed, inner, actions);

    /// <summary>The task's seed.</summary>
    public long Seed { get; }

    /// <summary>The actions so far.</summary>
    public IReadOnlyList<string> Actions => _actions;

    /// <summary>What is seen now.</summary>
    public Observation Observation => _inner.Observation;

    /// <summary>What an expert would do; null where the environment has none.</summary>
    public string? ExpertAction => _inner.ExpertAction;

    /// <summary>The sum of the rewards so far.</summary>
    public double Return { get; private set; }

    /// <summary>Whether the task ended.</summary>
    public bool Terminated { get; private set; }

    /// <summary>Whether the limit of steps cut it.</summary>
    public bool Truncated { get; private set; }

    /// <summary>Whether it goes no further.</summary>
    public bool Ended => Terminated || Truncated;

    /// <summary>Whether the task was done as asked.</summary>
    public bool Success { get; private set; }

    /// <summary>Takes an action.</summary>
    /// <exception cref="InvalidInputException">The episode has ended.</exception>
    public Outcome Step(string action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (Ended)
        {
            throw new InvalidInputException($"the action '{action}' comes after the end: the episode with seed {Seed} {(Terminated ? "ended" : "was cut")} after {_actions.Count} actions");
        }

        var outcome = _harness.Step(_inner, action);
        _actions.Add(action);
        (Terminated, Truncated) = (outcome.Terminated, outcome.Truncated);
        Return += outcome.Reward;
        Success |= outcome.Success;
        return outcome;
    }

    /// <summary>An independent episode that stands where this one stands.</summary>
    /// <exception cref="PlumblineException">The environment does not come to the same state again: <c>diverged</c>.</exception>
    public Episode Fork() => new(_harness, Seed, _harness.Fork(this, _inner), [.. _actions]) { Return = Return, Terminated = Terminated, Truncated = Truncated, Success = Success };
}

/// <summary>What was seen on the way of some actions: of each list one more entry for observations than for actions.</summary>
/// <param name="Observations">The texts.</param>
/// <param name="StateKeys">The state keys.</param>
/// <param name="LegalActions">What could be done; null where that can't be listed.</param>
/// <param name="Rewards">The reward of each action.</param>
/// <param name="Terminated">Whether the task ended with it.</param>
/// <param name="Truncated">Whether the limit of steps was reached with it.</param>
/// <param name="Valid">Whether it could be taken.</param>
/// <param name="Success">Whether the task was done as asked.</param>
public sealed record EpisodeTrace(
    IReadOnlyList<string> Observations,
    IReadOnlyList<string> StateKeys,
    IReadOnlyList<IReadOnlyList<string>?> LegalActions,
    IReadOnlyList<double> Rewards,
    IReadOnlyList<bool> Terminated,
    IReadOnlyList<bool> Truncated,
    IReadOnlyList<bool> Valid,
    bool Success);
