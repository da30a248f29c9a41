namespace Plumbline;

/// <summary>Which prompts come next, and how many completions each.</summary>
/// <remarks>It may keep what it learns of each prompt from step to step; a loop shows it the rewards of every batch.</remarks>
[Kind(Kinds.Scheduler)]
public interface IScheduler
{
    /// <summary>The prompts of the next step, each with its number of completions, at least 1.</summary>
    /// <returns>In the order in which they are sampled; a prompt at most once.</returns>
    IReadOnlyList<Allocation> Plan(ScheduleContext context);

    /// <summary>What became of the prompts of the last plan.</summary>
    void Learn(IReadOnlyList<Visit> visits);

    /// <summary>What it tells about the last plan and the last visits; logged with the step.</summary>
    IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double>();
}

/// <summary>What a scheduler may know.</summary>
/// <param name="Step">The step in hand, from 0.</param>
/// <param name="Steps">The stage's planned steps.</param>
/// <param name="Prompts">Prompts of the data set.</param>
/// <param name="Next">The prompts that would come without a scheduler: each epoch every prompt once.</param>
/// <param name="GroupSize">Completions each of them would get.</param>
/// <param name="Draws">Source of chance, keyed to this step.</param>
public sealed record ScheduleContext(int Step, int Steps, int Prompts, IReadOnlyList<int> Next, int GroupSize, Draws Draws);

/// <summary>A prompt and how often to sample it.</summary>
/// <param name="Prompt">Its place in the data set, from 0.</param>
/// <param name="Count">Completions.</param>
public readonly record struct Allocation(int Prompt, int Count);

/// <summary>A prompt and the rewards of its completions.</summary>
/// <param name="Prompt">Its place in the data set.</param>
/// <param name="Rewards">One a completion: the sum over the rewards.</param>
public sealed record Visit(int Prompt, IReadOnlyList<double> Rewards);
