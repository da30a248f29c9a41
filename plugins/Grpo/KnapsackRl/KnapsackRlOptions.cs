namespace Plumbline.Plugins.KnapsackRl;

/// <summary>How many rollouts a prompt is thought to need.</summary>
public enum CostEstimation
{
    /// <summary>Until an outcome of the rarer kind was seen with the probability <c>confidence</c>.</summary>
    Probability,

    /// <summary>1/(p (1-p)) - 1, an expectation.</summary>
    Expectation,
}

/// <summary>Options of <c>knapsack-rl</c>.</summary>
public sealed record KnapsackRlOptions : IChecksItself
{
    /// <summary>Rollouts of a prompt that was never seen, and by which the budget is counted; null: the sampler's group size (8 where there is no sampler).</summary>
    [Positive]
    public int? RolloutsPerPrompt { get; init; }

    /// <summary>Rollouts of a step; null: prompts times rollouts_per_prompt.</summary>
    [Positive]
    public int? TotalBudget { get; init; }

    /// <summary>Rollouts that a prompt with a success rate between 0 and 1 gets at least.</summary>
    [Positive]
    public int MinRollouts { get; init; } = 2;

    /// <summary>Rollouts that a prompt gets at most, unless every prompt has so many and budget remains.</summary>
    [Positive]
    public int MaxRollouts { get; init; } = 128;

    /// <summary>Rollouts of a prompt whose last rollouts all failed; null: min_rollouts. With 0 it never comes back.</summary>
    [NonNegative]
    public int? UnsolvedRollouts { get; init; }

    /// <summary>Rollouts of a prompt whose last rollouts all succeeded; null: min_rollouts. With 0 it never comes back.</summary>
    [NonNegative]
    public int? SolvedRollouts { get; init; }

    /// <summary>The probability with which the rarer outcome is to be seen, by which a prompt's need is counted.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Confidence { get; init; } = 0.9;

    /// <summary>How many rollouts a prompt is thought to need.</summary>
    public CostEstimation CostEstimation { get; init; } = CostEstimation.Probability;

    /// <summary>Give what the prompts in between don't need to the unsolved ones.</summary>
    public bool AllowFallback { get; init; } = true;

    /// <summary>From this reward on a group of equal rewards counts as solved.</summary>
    public double SolvedThreshold { get; init; } = 0.5;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (MinRollouts > MaxRollouts)
        {
            yield return $"min_rollouts must be at most max_rollouts, which is {MaxRollouts}, was {MinRollouts}";
        }
    }
}
