using Plumbline.Plugins.DistributionalDp;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class DistributionalDpLaws
{
    private static readonly ReturnUtility[] All = Enum.GetValues<ReturnUtility>();

    [Fact]
    public void The_mean_ignores_the_stock_and_is_classic_value_iteration() => Given.AnyBatch(random =>
    {
        var model = Model(random);
        var planner = new Planner(model, ReturnUtility.Mean, 0.9);
        double Value(int horizon, int state) => horizon == 0 || model.Terminal(state) ? 0
            : Enumerable.Range(0, model.Actions).Max(action => model.Next(state, action).Sum(next => next.Probability * (next.Reward + (0.9 * Value(horizon - 1, next.State)))));
        var (here, there) = (planner.Plan(3, 0, 0), planner.Plan(3, 0, 7.5));
        Assert.Equal(Value(3, 0), here.Returns.Mean, 1e-9);
        Assert.Equal(here.Action, there.Action);
        Assert.Equal(here.Utility + 7.5, there.Utility, 1e-9);
    });

    [Fact]
    public void No_plan_is_better_than_the_one_found() => Given.AnyBatch(random =>
    {
        var model = Model(random);
        Assert.All(All, utility =>
        {
            var (planner, stock) = (new Planner(model, utility, 1), random.Next(-4, 5));
            Assert.True(planner.Plan(3, 0, stock).Utility >= planner.BestSequence(3, 0, stock).Utility - 1e-9);
        });
    });

    [Fact]
    public void Without_decisions_nothing_comes() => Given.AnyBatch(random =>
    {
        var plan = new Planner(Model(random), All[random.Next(All.Length)], 0.9).Plan(0, 0, 1);
        Assert.Equal((-1, 0.0, 1.0), (plan.Action, Assert.Single(plan.Returns.Atoms), Assert.Single(plan.Returns.Probabilities)));
    });

    [Fact]
    public void Stock_and_return_together_are_discounted_along_a_path() => Given.AnyBatch(random =>
    {
        var (gamma, stock) = (0.5 + (random.NextDouble() / 2), random.Normal(1, 1));
        Tensor[] rewards = [.. Enumerable.Range(0, 5).Select(_ => random.Normal(1, 1))];
        for (var t = 0; t < rewards.Length; t++)
        {
            var next = DistributionalDp.StockUpdate(stock, rewards[t], new StockOptions { Gamma = gamma }).Tensor("next_stocks");
            Given.Same(stock + Return(t), gamma * (next + Return(t + 1)));
            stock = next;
        }

        Tensor Return(int from) => rewards.Skip(from).Select((reward, i) => reward * Math.Pow(gamma, i)).Aggregate(zeros(1, float64), (sum, reward) => sum + reward);
    });

    [Fact]
    public void What_is_added_to_stocks_and_taken_from_returns_changes_no_choice() => Given.AnyBatch(random =>
    {
        var (particles, stocks, shift) = (random.Normal(1, 4, 3, 5), random.Normal(1, 4), random.NextDouble() * 3);
        Assert.All(All, utility =>
        {
            var options = new UtilityOptions { Utility = utility };
            var (before, after) = (DistributionalDp.Utility(particles, stocks, options), DistributionalDp.Utility(particles - shift, stocks + shift, options));
            Given.Same(before.Tensor("utilities"), after.Tensor("utilities"));
        });
    });

    [Fact]
    public void Cvar_of_all_is_the_mean_and_rises_with_its_share() => Given.AnyBatch(random =>
    {
        var returns = ReturnDistribution.OfSamples(random.Normal(2, random.Next(1, 9)).data<double>().ToArray());
        double[] tails = [.. new[] { 0.05, 0.2, 0.5, 0.9, 1 }.Select(returns.Cvar)];
        Assert.Equal(returns.Mean, tails[^1], 1e-9);
        Assert.Equal(returns.Atoms[0], returns.Cvar(1e-6), 1e-9);
        Assert.All(tails.Zip(tails.Skip(1)), pair => Assert.True(pair.First <= pair.Second + 1e-12));
    });

    [Fact]
    public void The_best_first_stock_makes_its_value_the_plans_cvar() => Given.AnyBatch(random =>
    {
        // Whole rewards: the best stock is minus a quantile, so a whole number too.
        var (planner, tau) = (new Planner(Model(random), ReturnUtility.Cvar, 1), 0.1 + (0.8 * random.NextDouble()));
        double[] stocks = [.. Enumerable.Range(-9, 19).Select(stock => (double)stock)];
        var best = DistributionalDp.StartStock(stocks, [.. stocks.Select(stock => planner.Plan(3, 0, stock).Utility)], new TailOptions { Tau = tau });
        Assert.Equal((double)best["value"], planner.Plan(3, 0, (double)best["stock"]).Returns.Cvar(tau), 1e-9);
    });

    [Fact]
    public void One_particle_without_a_square_is_half_the_distance() => Given.AnyBatch(random =>
    {
        var (predictions, targets) = (random.Normal(1, 6, 1), random.Normal(1, 6, 4));
        Given.Same((targets - predictions).abs().mean() / 2, DistributionalDp.QuantileLoss(predictions, targets, new QuantileLossOptions { Kappa = 0 }).Value);
    });

    [Fact]
    public void With_the_mean_the_loss_is_that_of_plain_quantile_learning() => Given.AnyBatch(random =>
    {
        var batch = new ReplayBatch
        {
            ["particles"] = random.Normal(1, 5, 3, 4).requires_grad_(), ["next_particles"] = random.Normal(1, 5, 3, 4), ["actions"] = random.Tokens(5, 1).squeeze(1),
            ["rewards"] = random.Normal(1, 5), ["terminals"] = random.Mask(5, 2).select(1, 1), ["stocks"] = random.Normal(1, 5),
        };
        var mine = new DistributionalDp(new DistributionalDpOptions { Utility = ReturnUtility.Mean, Gamma = 0.9 }).Compute(batch);
        var plain = new QuantileQ(new QuantileQOptions { Gamma = 0.9 }).Compute(batch);
        Given.Same(plain.Value, mine.Value);
        Given.Same(plain.GradientOf(batch.Particles), mine.GradientOf(batch.Particles));
    });

    /// <summary>Three states, the last one terminal, two actions, whole rewards of at most 3.</summary>
    private static TabularModel Model(Random random)
    {
        Transition[] Row()
        {
            double[] weights = [.. Enumerable.Range(0, 3).Select(_ => 0.1 + random.NextDouble())];
            return [.. weights.Select((weight, to) => new Transition(to, weight / weights.Sum(), random.Next(-3, 4)))];
        }

        return new([[Row(), Row()], [Row(), Row()], []]);
    }
}
