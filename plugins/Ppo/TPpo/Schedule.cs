namespace Plumbline.Plugins.TPpo;

/// <summary>Successive batching as a cost model: decode steps with and without a window.</summary>
public static class Schedule
{
    /// <summary>What decoding costs: synchronous_steps, truncated_steps, rounds, finished_per_round, synchronous_utilisation, truncated_utilisation.</summary>
    /// <param name="lengths">Tokens of each response, in the order of the queue.</param>
    /// <param name="options">Slots, window, longest response.</param>
    [Target("t-ppo/schedule")]
    public static Outputs Of(IReadOnlyList<int> lengths, ScheduleOptions options)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentNullException.ThrowIfNull(options);
        if (lengths.Count == 0 || lengths.Any(length => length < 1))
        {
            throw new InvalidInputException("lengths must be a list of whole numbers >= 1");
        }

        int[] cut = [.. lengths.Select(length => Math.Min(length, options.MaxLength ?? int.MaxValue))];
        var synchronous = cut.Chunk(options.Slots).Sum(batch => batch.Max());
        var (truncated, finished) = Truncated(new Queue<int>(cut), options);
        double Utilisation(int steps) => cut.Sum() / ((double)steps * options.Slots);
        return new Outputs
        {
            ["synchronous_steps"] = synchronous,
            ["truncated_steps"] = truncated,
            ["rounds"] = finished.Count,
            ["finished_per_round"] = finished,
            ["synchronous_utilisation"] = Utilisation(synchronous),
            ["truncated_utilisation"] = Utilisation(truncated),
        };
    }

    /// <summary>Free slots are filled before each round; a round takes a window of every row; finished rows leave at its end.</summary>
    private static (int Steps, List<int> FinishedPerRound) Truncated(Queue<int> queue, ScheduleOptions options)
    {
        var (steps, finished, slots) = (0, new List<int>(), new List<int>());
        while (queue.Count > 0 || slots.Count > 0)
        {
            while (slots.Count < options.Slots && queue.TryDequeue(out var next))
            {
                slots.Add(next);
            }

            steps += Math.Min(options.Window, slots.Max());
            slots = [.. slots.Select(left => left - options.Window)];
            finished.Add(slots.RemoveAll(left => left <= 0));
        }

        return (steps, finished);
    }
}
