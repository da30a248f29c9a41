using Plumbline.Plugins.KnapsackRl;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class KnapsackRlLaws
{
    [Fact]
    public void The_budget_is_spent_to_the_last_rollout() => Given.AnyBatch(random =>
    {
        var (rates, known) = Prompts(random, random.Next(1, 12));
        var options = new KnapsackRlOptions { TotalBudget = (8 * rates.Length) + random.Next(0, 200), MaxRollouts = random.Next(2, 30), AllowFallback = random.Next(2) == 0 };
        Assert.Equal(options.TotalBudget, Budget(rates, known, options).Sum());
    });

    [Fact]
    public void Equal_prompts_get_equally_many_but_for_one() => Given.AnyBatch(random =>
    {
        double[] rates = [.. Enumerable.Repeat(0.05 + (0.9 * random.NextDouble()), random.Next(2, 12))];
        var budget = Budget(rates, Known(rates.Length), new KnapsackRlOptions { TotalBudget = rates.Length * random.Next(2, 20), MinRollouts = 2 });
        Assert.InRange(budget.Max() - budget.Min(), 0, 1);
    });

    [Fact]
    public void Where_nothing_is_known_every_prompt_gets_the_same() => Given.AnyBatch(random =>
    {
        var (rates, _) = Prompts(random, random.Next(1, 12));
        var n = random.Next(2, 20);
        Assert.All(Budget(rates, new bool[rates.Length], new KnapsackRlOptions { RolloutsPerPrompt = n }), count => Assert.Equal(n, count));
    });

    [Fact]
    public void One_more_rollout_goes_to_one_prompt() => Given.AnyBatch(random =>
    {
        double[] rates = [.. Enumerable.Range(0, random.Next(2, 10)).Select(_ => 0.01 + (0.98 * random.NextDouble()))];
        var budget = (2 * rates.Length) + random.Next(1, 60);
        var (before, after) = (Budget(rates, Known(rates.Length), new KnapsackRlOptions { TotalBudget = budget }), Budget(rates, Known(rates.Length), new KnapsackRlOptions { TotalBudget = budget + 1 }));
        Assert.Equal(1, before.Zip(after, (a, b) => Math.Abs(b - a)).Sum());
    });

    [Fact]
    public void Of_a_rate_and_its_complement_the_harder_prompt_gets_no_less() => Given.AnyBatch(random =>
    {
        var p = 0.01 + (0.48 * random.NextDouble());
        var budget = Budget([p, 1 - p], Known(2), new KnapsackRlOptions { TotalBudget = random.Next(4, 60) });
        Assert.True(budget[0] >= budget[1]);
        var value = KnapsackRl.Value(tensor(new[] { p, 1 - p }), tensor(new long[] { 7, 7 }));
        Given.Same(value.Tensor("nonzero_probability")[0], value.Tensor("nonzero_probability")[1]);
    });

    [Fact]
    public void No_other_division_of_the_budget_has_a_greater_value() => Given.AnyBatch(random =>
    {
        double[] rates = [.. Enumerable.Range(0, 4).Select(_ => 0.02 + (0.96 * random.NextDouble()))];
        var budget = random.Next(8, 26);
        // A dynamic programme over prompts and rollouts: best[b] of the prompts so far.
        var best = new double[budget + 1];
        Array.Fill(best, double.NegativeInfinity);
        best[0] = 0;
        foreach (var p in rates)
        {
            best = [.. Enumerable.Range(0, budget + 1).Select(b => Enumerable.Range(2, Math.Max(0, b - 1)).Where(n => n <= 9).Select(n => best[b - n] + Value(p, n)).DefaultIfEmpty(double.NegativeInfinity).Max())];
        }

        var given = Budget(rates, Known(4), new KnapsackRlOptions { TotalBudget = budget, MaxRollouts = 9 });
        Assert.Equal(best[budget], given.Zip(rates, (n, p) => Value(p, n)).Sum(), 1e-12);
    });

    [Fact]
    public void A_scheduler_spends_by_the_latest_visit_of_each_prompt()
    {
        var scheduler = new KnapsackRl(new KnapsackRlOptions());
        Assert.Equal([4, 4, 4], Plan(0).Select(planned => planned.Count));
        scheduler.Learn([new Visit(5, [1, 1, 1, 1]), new Visit(6, [0, 0, 1, 0]), new Visit(7, [0, 0, 0, 0])]);
        Assert.Equal(1 / 3.0, scheduler.Metrics["useful_rollouts"], 1e-12);
        Assert.Equal((1 / 3.0, 1 / 3.0), (scheduler.Metrics["all_solved"], scheduler.Metrics["all_failed"]));
        var second = Plan(1);
        Assert.Equal([2, 8, 2], second.Select(planned => planned.Count));
        Assert.Equal(8, scheduler.Metrics["largest_budget"]);
        // The prompt in between was solved since; all it could use goes to the one that fails.
        scheduler.Learn([new Visit(6, [1, 1])]);
        Assert.Equal([2, 2, 8], Plan(2).Select(planned => planned.Count));
        Assert.Equal(1, scheduler.Metrics["fallback"]);

        IReadOnlyList<Allocation> Plan(int step) => scheduler.Plan(new ScheduleContext(step, 3, 8, [5, 6, 7], 4, new Draws(1)));
    }

    [Fact]
    public void A_reward_beyond_1_is_no_success_rate()
    {
        var scheduler = new KnapsackRl(new KnapsackRlOptions());
        scheduler.Learn([new Visit(0, [2, 1])]);
        var error = Assert.Throws<InvalidInputException>(() => scheduler.Plan(new ScheduleContext(1, 3, 1, [0], 4, new Draws(1))));
        Assert.Contains("success_rates", error.Message, StringComparison.Ordinal);
    }

    private static (double[] Rates, bool[] Known) Prompts(Random random, int count) =>
        ([.. Enumerable.Range(0, count).Select(_ => random.Next(4) switch { 0 => 0, 1 => 1, _ => random.NextDouble() })], [.. Enumerable.Range(0, count).Select(_ => random.Next(4) > 0)]);

    private static bool[] Known(int count) => [.. Enumerable.Repeat(true, count)];

    private static int[] Budget(double[] rates, bool[] known, KnapsackRlOptions options) =>
        [.. KnapsackRl.Allocate(tensor(rates), tensor(known), options).Tensor("budget").data<long>().ToArray().Select(count => (int)count)];

    private static double Value(double p, int n) => (1 - Math.Pow(p, n) - Math.Pow(1 - p, n)) * p * (1 - p) * (1 - p);
}
