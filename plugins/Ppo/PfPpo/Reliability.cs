using static TorchSharp.torch;

namespace Plumbline.Plugins.PfPpo;

/// <summary>How well rewards tell what responses are really worth: the measure by which a filter is chosen before training.</summary>
public static class Reliability
{
    /// <summary>The coefficient of determination of the line from reward to score: r_squared []; with bins also bin_rewards, bin_scores [bins].</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="scores">[N] what the responses are really worth.</param>
    /// <param name="options">Bins.</param>
    [Target("pf-ppo/r_squared")]
    public static Outputs RSquared(Tensor rewards, Tensor scores, ReliabilityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("rewards", rewards).With("scores", scores).RequireSameShape("rewards", "scores");
        double[] r = RankWeights.Doubles(rewards), s = RankWeights.Doubles(scores);
        if (options.Bins == 0)
        {
            return new Outputs { ["r_squared"] = Of(r, s) };
        }

        if (options.Bins < 2 || options.Bins > r.Length)
        {
            throw new InvalidInputException($"bins must be 0, or lie in 2 to the number of responses, which is {r.Length}; was {options.Bins}");
        }

        int[] order = [.. Enumerable.Range(0, r.Length).OrderBy(i => r[i])];
        var parts = Enumerable.Range(0, options.Bins).Select(j => order[(int)((long)j * r.Length / options.Bins)..(int)((j + 1L) * r.Length / options.Bins)]).ToArray();
        double[] binRewards = [.. parts.Select(part => part.Average(i => r[i]))], binScores = [.. parts.Select(part => part.Average(i => s[i]))];
        return new Outputs { ["r_squared"] = Of(binRewards, binScores), ["bin_rewards"] = tensor(binRewards), ["bin_scores"] = tensor(binScores) };
    }

    /// <summary>S_rs²/(S_rr S_ss); 0 where either does not vary.</summary>
    internal static double Of(double[] r, double[] s)
    {
        var (meanR, meanS) = (r.Average(), s.Average());
        double Sum(Func<int, double> term) => Enumerable.Range(0, r.Length).Sum(term);
        var (rs, rr, ss) = (Sum(i => (r[i] - meanR) * (s[i] - meanS)), Sum(i => (r[i] - meanR) * (r[i] - meanR)), Sum(i => (s[i] - meanS) * (s[i] - meanS)));
        return r.Min() == r.Max() || s.Min() == s.Max() ? 0 : rs * rs / (rr * ss);
    }
}
