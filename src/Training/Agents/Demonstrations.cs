using Plumbline.Training.Environments;

namespace Plumbline.Training.Agents;

/// <summary>Options of whatever learns from demonstrations.</summary>
public record DemonstrationOptions
{
    /// <summary>Whose expert demonstrates.</summary>
    public required Part<ITextEnvironment> Environment { get; init; }

    /// <summary>The seed of the first task.</summary>
    public long FirstTask { get; init; }

    /// <summary>Tasks, with seeds that follow each other.</summary>
    [Positive]
    public int Tasks { get; init; } = 8;

    /// <summary>Demonstrations a task.</summary>
    [Positive]
    public int PerTask { get; init; } = 5;

    /// <summary>The chance, at each turn, of a legal action by lot instead of the expert's.</summary>
    [Interval(0, 1)]
    public double Noise { get; init; } = 0.5;
}

/// <summary>Episodes in which an environment's expert acts, more or less.</summary>
public static class Demonstrations
{
    /// <summary>The turns of each demonstration: what was seen and what was done.</summary>
    /// <param name="options">How many, and how noisy.</param>
    /// <param name="environment">Whose expert demonstrates.</param>
    /// <param name="draws">Source of chance.</param>
    /// <returns>For each task its demonstrations, one after the other.</returns>
    /// <exception cref="PlumblineException">The environment has no expert.</exception>
    public static IEnumerable<(long Seed, IReadOnlyList<(Observation Seen, string Action)> Turns)> Of(DemonstrationOptions options, ITextEnvironment environment, Draws draws)
    {
        ArgumentNullException.ThrowIfNull(options);
        var harness = new EpisodeHarness(environment, options.Environment.Id);
        for (var task = 0; task < options.Tasks; task++)
        {
            var seed = options.FirstTask + task;
            for (var n = 0; n < options.PerTask; n++)
            {
                var (episode, own) = (harness.Reset(seed), draws.Key(seed).Key(n));
                var turns = new List<(Observation, string)>();
                while (!episode.Ended)
                {
                    var (seen, draw) = (episode.Observation, own.Key(turns.Count));
                    var noisy = draw.Key("noise").Uniform() < options.Noise && seen.LegalActions is { Count: > 0 };
                    var action = noisy ? seen.LegalActions![draw.Key("action").Below(seen.LegalActions.Count)]
                        : episode.ExpertAction ?? throw new PlumblineException($"environment '{options.Environment.Id}' has no expert for the task with seed {seed} after {turns.Count} turns, so it can't demonstrate");
                    turns.Add((seen, action));
                    episode.Step(action);
                }

                yield return (seed, turns);
            }
        }
    }
}
