namespace Plumbline;

/// <summary>Two completions of one prompt to the probability that the first is better.</summary>
[Kind(Kinds.Judge)]
public interface IJudge
{
    /// <summary>P(first beats second) for each pair, in [0,1]; 1/2 is a tie. Swapping a pair gives one minus the probability.</summary>
    double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context);

    /// <summary>What it tells about the pairs of the step; logged with the step.</summary>
    IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double>();
}
