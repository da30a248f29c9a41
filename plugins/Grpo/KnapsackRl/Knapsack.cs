using static TorchSharp.torch;

namespace Plumbline.Plugins.KnapsackRl;

/// <summary>The rollouts of each prompt.</summary>
/// <param name="Budget">They sum to the total budget.</param>
/// <param name="Fallback">Whether some went to prompts that no gradient is expected of.</param>
/// <param name="EffectiveShare">The share of what was left after the first shares that prompts in between got.</param>
internal readonly record struct Allocated(int[] Budget, bool Fallback, double EffectiveShare);

/// <summary>Maximise Σ value(p_i, n_i) for a fixed Σ n_i. The value is concave in n, so one rollout at a time to the largest next gain is the exact optimum.</summary>
internal static class Knapsack
{
    /// <summary>P(p, n): that n rollouts don't all end alike.</summary>
    internal static double NonzeroProbability(double p, double n) => n <= 1 ? 0 : 1 - Math.Pow(p, n) - Math.Pow(1 - p, n);

    /// <summary>I(p): the first-order growth of the success rate by one update on the prompt; greatest at 1/3.</summary>
    internal static double InfoGain(double p) => p * (1 - p) * (1 - p);

    /// <summary>What one more rollout than n adds to the value.</summary>
    internal static double NextGain(double p, int n) => ((Math.Pow(p, n) * (1 - p)) + (Math.Pow(1 - p, n) * p)) * InfoGain(p);

    internal static double Cost(double p, KnapsackRlOptions options) => p switch
    {
        // The quotients below have no value at the ends.
        0 => options.MaxRollouts,
        1 => 0,
        _ => Math.Min(options.MaxRollouts, options.CostEstimation == CostEstimation.Expectation
            ? (1 / (p * (1 - p))) - 1 : Math.Log(1 - options.Confidence) / Math.Log(Math.Max(p, 1 - p))),
    };

    internal static Allocated Allocate(double[] rates, bool[] known, KnapsackRlOptions options)
    {
        Check(rates);
        var share = options.RolloutsPerPrompt ?? 8;
        int[] budget = [.. rates.Select((p, i) => !known[i] ? share
            : p == 0 ? options.UnsolvedRollouts ?? options.MinRollouts
            : p == 1 ? options.SolvedRollouts ?? options.MinRollouts : options.MinRollouts)];
        var left = (options.TotalBudget ?? (rates.Length * share)) - budget.Sum();
        if (left < 0)
        {
            throw new InvalidInputException($"total_budget is {left + budget.Sum()}, and the first shares of {rates.Length} prompts need {budget.Sum()}; raise it or lower min_rollouts");
        }

        int[] everywhere = [.. Enumerable.Range(0, rates.Length)];
        int[] between = [.. everywhere.Where(i => known[i] && rates[i] is > 0 and < 1)];
        int[] unsolved = [.. everywhere.Where(i => known[i] && rates[i] == 0)];
        if (left > 0 && between.Length == 0)
        {
            Spread(budget, unsolved.Length > 0 ? unsolved : everywhere, left);
            return new(budget, true, 0);
        }

        var (need, effective) = (between.Sum(i => (int)Cost(rates[i], options)), 1.0);
        int[] others = [.. everywhere.Except(between)];
        var fallback = need < left && options.AllowFallback && others.Length > 0;
        if (fallback)
        {
            Spread(budget, unsolved.Length > 0 ? unsolved : others, left - need);
            (left, effective) = (need, need / (double)left);
        }

        Fill(budget, between, rates, left, options.MaxRollouts);
        return new(budget, fallback, effective);
    }

    /// <summary>The success rates of a tensor.</summary>
    /// <exception cref="InvalidInputException">One lies outside [0, 1].</exception>
    internal static double[] Rates(Tensor successRates)
    {
        double[] rates = [.. successRates.to_type(ScalarType.Float64).cpu().data<double>()];
        Check(rates);
        return rates;
    }

    private static void Check(double[] rates)
    {
        if (Array.Find(rates, p => p is not (>= 0 and <= 1)) is var bad && bad != 0)
        {
            throw new InvalidInputException($"success_rates must lie in [0, 1], and one is {bad}; it is the mean of a prompt's rewards, so each reward must be 0 or 1, or lie between");
        }
    }

    /// <summary>One rollout at a time to the largest next gain; of equal gains to the first. Where all are at the cap it gives way.</summary>
    private static void Fill(int[] budget, int[] items, double[] rates, int left, int most)
    {
        var gains = new PriorityQueue<int, (double, int)>();
        foreach (var i in items.Where(i => budget[i] < most))
        {
            gains.Enqueue(i, (-NextGain(rates[i], budget[i]), i));
        }

        for (; left > 0 && gains.TryDequeue(out var best, out _); left--)
        {
            if (++budget[best] < most)
            {
                gains.Enqueue(best, (-NextGain(rates[best], budget[best]), best));
            }
        }

        Spread(budget, items, left);
    }

    /// <summary>Each gets as many, the first ones one more.</summary>
    private static void Spread(int[] budget, int[] items, int count)
    {
        for (var i = 0; i < items.Length; i++)
        {
            budget[items[i]] += (count / items.Length) + (i < count % items.Length ? 1 : 0);
        }
    }
}
