namespace Plumbline.Training;

/// <summary>Asks a reward for its scores and refuses what can't be scores; the one way to call a reward.</summary>
public static class RewardScores
{
    /// <summary>The scores of rollouts; 0 where the reward has no opinion.</summary>
    /// <exception cref="PlumblineException">Too few or too many, or one that is not finite; the message names the reward.</exception>
    public static Scores Of(IReward reward, string id, IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(reward);
        ArgumentNullException.ThrowIfNull(rollouts);
        return Checked(reward.Score(rollouts, context), id, rollouts.Count, "completions", row => $"the completion {rollouts[row].Text}");
    }

    /// <summary>The scores of samples; 0 where the reward has no opinion.</summary>
    /// <exception cref="PlumblineException">Too few or too many, or one that is not finite; the message names the reward.</exception>
    public static Scores Of(ISampleReward reward, string id, Tensor samples, Tensor? conditions, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(reward);
        ArgumentNullException.ThrowIfNull(samples);
        return Checked(reward.Score(samples, conditions, context), id, (int)samples.shape[0], "samples", row => $"sample {row}");
    }

    /// <summary>The mean over the rows that were scored.</summary>
    /// <exception cref="PlumblineException">None was; the message names the reward.</exception>
    public static double Mean(IEnumerable<Scores> batches, string id)
    {
        double[] scored = [.. batches.SelectMany(scores => scores.Values.Where((_, i) => scores.Scored is not { } said || said[i]))];
        return scored.Length > 0 ? scored.Average() : throw new PlumblineException($"reward '{id}' has no opinion of any completion, so there is nothing to measure; name another reward");
    }

    private static Scores Checked(Scores result, string id, int rows, string what, Func<int, string> words)
    {
        if (result.Values.Length != rows)
        {
            throw new PlumblineException($"reward '{id}' gave {result.Values.Length} scores for {rows} {what}");
        }

        if (result.Scored is { } mask && mask.Length != rows)
        {
            throw new PlumblineException($"reward '{id}' says of {mask.Length} {what} whether it scored them, and there are {rows}");
        }

        // Copied: the array is the reward's own.
        double[] values = [.. result.Values.Select((value, i) => result.Scored is { } said && !said[i] ? 0 : value)];
        return Array.FindIndex(values, value => !double.IsFinite(value)) is var bad and >= 0
            ? throw new PlumblineException($"reward '{id}' gave {values[bad]} for {words(bad)}; a score must be finite")
            : result with { Values = values };
    }
}
