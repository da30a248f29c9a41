namespace Plumbline.Training;

/// <summary>Asks a judge and refuses what can't be probabilities.</summary>
public static class Judgements
{
    /// <summary>P(first beats second) of each pair.</summary>
    /// <exception cref="PlumblineException">Too few or too many, or one outside [0,1]; the message names the judge.</exception>
    public static double[] Of(IJudge judge, string id, IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(judge);
        ArgumentNullException.ThrowIfNull(pairs);
        var found = judge.Judge(pairs, context);
        return found.Length != pairs.Count ? throw new PlumblineException($"judge '{id}' gave {found.Length} probabilities for {pairs.Count} pairs")
            : Array.FindIndex(found, value => value is not (>= 0 and <= 1)) is var bad and >= 0
                ? throw new PlumblineException($"judge '{id}' gave {found[bad]} for the answers {pairs[bad].First.Text} and {pairs[bad].Second.Text}; a probability lies in [0, 1]")
            : found;
    }
}
