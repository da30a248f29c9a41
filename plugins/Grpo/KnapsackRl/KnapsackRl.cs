using static TorchSharp.torch;

namespace Plumbline.Plugins.KnapsackRl;

/// <summary>Knapsack RL: spends a step's rollouts where they are likeliest to teach. A prompt is an item; its cost is its rollouts, its value the chance of a gradient times the success it brings.</summary>
/// <remarks>A scheduler: it keeps the success rate of each prompt's latest visit. As a method it brings GRPO's loss, whose mean over rollouts weighs each of them alike.</remarks>
[Algorithm("knapsack-rl", Loop.OnlineGroups, Slot = Kinds.Scheduler, Paper = "2509.25849", Title = "Knapsack RL: Unlocking Exploration of LLMs via Optimizing Budget Allocation")]
[Default("objective", "grpo")]
[Default("learning_rate", 1e-6)]
public sealed class KnapsackRl(KnapsackRlOptions options) : IScheduler
{
    private readonly Dictionary<int, double> _successRates = [];
    private readonly Dictionary<string, double> _metrics = [];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <inheritdoc/>
    public IReadOnlyList<Allocation> Plan(ScheduleContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double[] rates = [.. context.Next.Select(prompt => _successRates.GetValueOrDefault(prompt))];
        bool[] known = [.. context.Next.Select(_successRates.ContainsKey)];
        var allocation = Knapsack.Allocate(rates, known, options with { RolloutsPerPrompt = options.RolloutsPerPrompt ?? context.GroupSize });
        _metrics["largest_budget"] = allocation.Budget.Max();
        _metrics["fallback"] = allocation.Fallback ? 1 : 0;
        _metrics["effective_share"] = allocation.EffectiveShare;
        return [.. context.Next.Zip(allocation.Budget, (prompt, count) => new Allocation(prompt, count)).Where(planned => planned.Count > 0)];
    }

    /// <inheritdoc/>
    public void Learn(IReadOnlyList<Visit> visits)
    {
        ArgumentNullException.ThrowIfNull(visits);
        foreach (var visit in visits)
        {
            _successRates[visit.Prompt] = visit.Rewards.Average();
        }

        foreach (var (name, share) in Useful([.. visits.Select(visit => visit.Rewards)]))
        {
            _metrics[name] = (double)share;
        }
    }

    /// <summary>The chance of a gradient P = 1 - pⁿ - (1-p)ⁿ, the information gain I = p (1-p)², and their product: nonzero_probability, info_gain, value [M].</summary>
    /// <param name="successRates">[M] p.</param>
    /// <param name="rollouts">[M] int n.</param>
    [Target("knapsack-rl/value")]
    public static Outputs Value(Tensor successRates, Tensor rollouts)
    {
        new Batch().With("success_rates", successRates).With("rollouts", rollouts).RequireSameShape("success_rates", "rollouts");
        double[] p = Knapsack.Rates(successRates), n = Doubles(rollouts);
        double[] probability = [.. p.Zip(n, Knapsack.NonzeroProbability)], gain = [.. p.Select(Knapsack.InfoGain)];
        return new Outputs
        {
            ["nonzero_probability"] = tensor(probability),
            ["info_gain"] = tensor(gain),
            ["value"] = tensor(probability.Zip(gain, (a, b) => a * b).ToArray()),
        };
    }

    /// <summary>The rollouts that each prompt is thought to need: cost [M].</summary>
    /// <param name="successRates">[M].</param>
    /// <param name="options"><c>confidence</c>, <c>cost_estimation</c> and <c>max_rollouts</c> are read.</param>
    [Target("knapsack-rl/cost")]
    public static Outputs Cost(Tensor successRates, KnapsackRlOptions options) =>
        new() { ["cost"] = tensor(Knapsack.Rates(successRates).Select(p => Knapsack.Cost(p, options)).ToArray()) };

    /// <summary>The rollouts of each prompt: budget [M] int64, fallback (whether an excess went to prompts that can't use it), effective_share (of what was left after the first shares).</summary>
    /// <param name="successRates">[M] of each prompt's latest visit.</param>
    /// <param name="known">[M] bool; false where the prompt was never visited, and its rate is ignored.</param>
    /// <param name="options">All are read but <c>solved_threshold</c>.</param>
    [Target("knapsack-rl")]
    public static Outputs Allocate(Tensor successRates, Tensor known, KnapsackRlOptions options)
    {
        ArgumentNullException.ThrowIfNull(known);
        new Batch().With("success_rates", successRates).With("known", known).RequireSameShape("success_rates", "known");
        var (budget, fallback, share) = Knapsack.Allocate(Knapsack.Rates(successRates), known.to_type(ScalarType.Bool).cpu().data<bool>().ToArray(), options);
        return new Outputs { ["budget"] = tensor(budget.Select(count => (long)count).ToArray()), ["fallback"] = fallback, ["effective_share"] = share };
    }

    /// <summary>Which shares of a batch can teach: useful_rollouts, useful_groups, and of the groups whose rewards are all equal all_solved and all_failed.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="options"><c>solved_threshold</c> is read.</param>
    [Target("knapsack-rl/useful")]
    public static Outputs Useful(Tensor rewards, Tensor groupIds, KnapsackRlOptions options)
    {
        new Batch().With("rewards", rewards).With("group_ids", groupIds).RequireSameShape("rewards", "group_ids");
        return new KnapsackRl(options).Useful([.. Doubles(rewards).Zip(Doubles(groupIds)).GroupBy(row => row.Second, row => row.First).Select(group => group.ToArray())]);
    }

    private Outputs Useful(IReadOnlyList<IReadOnlyList<double>> groups)
    {
        double Share(Func<IReadOnlyList<double>, bool> which) => groups.Count(which) / (double)groups.Count;
        static bool Differ(IReadOnlyList<double> group) => group.Any(reward => reward != group[0]);
        return new Outputs
        {
            ["useful_rollouts"] = groups.Where(Differ).Sum(group => group.Count) / (double)groups.Sum(group => group.Count),
            ["useful_groups"] = Share(Differ),
            ["all_solved"] = Share(group => !Differ(group) && group[0] >= options.SolvedThreshold),
            ["all_failed"] = Share(group => !Differ(group) && group[0] < options.SolvedThreshold),
        };
    }

    private static double[] Doubles(Tensor values) => values.to_type(ScalarType.Float64).cpu().data<double>().ToArray();
}
