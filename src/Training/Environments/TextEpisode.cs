namespace Plumbline.Training.Environments;

/// <summary>An episode that counts its steps, refuses what is not valid and copies itself: a subclass says what the state looks like and what a valid action does.</summary>
/// <remarks>
/// Actions are trimmed and lower-cased. One that is not valid changes nothing but uses up a step. Keep the state in immutable values
/// (records, which an action replaces): then a clone is a copy of the fields, and going on with one leaves the other alone.
/// </remarks>
/// <param name="maxSteps">Steps after which the episode is cut.</param>
public abstract class TextEpisode(int maxSteps) : IEpisode
{
    private Observation? _observation;

    /// <inheritdoc/>
    public Observation Observation => _observation ??= new Observation(Text, StateKey, Ended ? [] : Legal);

    /// <inheritdoc/>
    public bool CanClone => true;

    /// <summary>Steps so far.</summary>
    protected int Steps { get; private set; }

    /// <summary>Whether the task ended or the steps are used up.</summary>
    protected bool Ended { get; private set; }

    /// <summary>What the policy reads, the task included.</summary>
    protected abstract string Text { get; }

    /// <summary>The state: equal exactly where states are. It counts no steps.</summary>
    protected abstract string StateKey { get; }

    /// <summary>The legal actions, in order; null where they can't be listed, and <see cref="Valid"/> says which they are.</summary>
    protected abstract IReadOnlyList<string>? Legal { get; }

    /// <inheritdoc/>
    public virtual string? ExpertAction => null;

    /// <inheritdoc/>
    public Outcome Step(string action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (Ended)
        {
            throw new InvalidOperationException($"the action '{action}' came after the end of the episode; begin another");
        }

        var effect = Valid(action.Trim().ToLowerInvariant()) is { } valid ? Act(valid) : (Effect?)null;
        Steps++;
        var terminated = effect?.Ends ?? false;
        var truncated = !terminated && Steps >= maxSteps;
        (Ended, _observation) = (terminated || truncated, null);
        return new Outcome(Observation, effect?.Reward ?? 0) { Terminated = terminated, Truncated = truncated, Valid = effect is not null, Success = effect?.Success ?? false };
    }

    /// <inheritdoc/>
    public virtual IEpisode Clone() => (IEpisode)MemberwiseClone();

    /// <summary>The legal action that a trimmed, lower-cased text stands for; null where it is none.</summary>
    protected virtual string? Valid(string action) => Legal?.Contains(action) == false ? null : action;

    /// <summary>Does a valid action.</summary>
    protected abstract Effect Act(string action);

    /// <summary>What an action did.</summary>
    /// <param name="Reward">The step's reward.</param>
    /// <param name="Ends">Whether the task has ended.</param>
    /// <param name="Success">Whether it was done.</param>
    protected readonly record struct Effect(double Reward, bool Ends, bool Success);
}
