using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DistributionalDp;

/// <summary>Distributional dynamic programming: states carry a stock c, a statistic of the rewards so far, and actions are greedy in E f(c + G), a functional of the return's whole distribution.</summary>
/// <remarks>
/// Inputs: particles, next_particles [N,A,M]; actions [N] int64; rewards, terminals, stocks [N]. Outputs: loss; utility, the mean E f(c + Z) of the actions taken.
/// The functions of the paper that need no network are here too.
/// </remarks>
[Algorithm("distributional-dp", Loop.EnvironmentReplay, Paper = "2501.13028", Title = "Optimizing Return Distributions with Distributional Dynamic Programming")]
[Default("optimizer", "adam")]
[Default("learning_rate", 1e-3)]
public sealed class DistributionalDp(DistributionalDpOptions options) : ReplayObjective
{
    /// <inheritdoc/>
    public override bool ReadsStock => options.Utility != ReturnUtility.Mean;

    /// <inheritdoc/>
    public override Tensor Greedy(Tensor particles, Tensor stocks) => Utility(particles, stocks, options).Tensor("actions");

    /// <inheritdoc/>
    public override Tensor NextStocks(Tensor stocks, Tensor rewards) => StockUpdate(stocks, rewards, new StockOptions { Gamma = options.Gamma }).Tensor("next_stocks");

    /// <summary>The quantile loss of the taken actions' particles against r + γ Z of the action that is greedy at the next state and its stock.</summary>
    public override Loss Compute(ReplayBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameRows("particles", "next_particles", "actions", "rewards", "terminals", "stocks");
        var targets = TdTargets(batch.NextParticles, batch.Stocks, batch.Rewards, batch.Terminals, options).Tensor("targets");
        var taken = QuantileRegression.OfActions(batch.Particles, batch.Actions);
        return new Loss(QuantileRegression.Loss(taken, targets, options.Kappa)) { ["utility"] = Of(options.Utility, batch.Stocks.unsqueeze(1) + taken.detach()).mean() };
    }

    /// <summary>f of one number.</summary>
    public static double Of(ReturnUtility utility, double x) => utility switch
    {
        ReturnUtility.Mean => x,
        ReturnUtility.Cvar => Math.Min(x, 0),
        ReturnUtility.Target => -Math.Abs(x),
        ReturnUtility.Quadratic => -x * x,
        _ => x >= 0 ? 1 : 0,
    };

    /// <summary>f of each number of a tensor.</summary>
    public static Tensor Of(ReturnUtility utility, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return utility switch
        {
            ReturnUtility.Mean => x,
            ReturnUtility.Cvar => x.clamp_max(0),
            ReturnUtility.Target => -x.abs(),
            ReturnUtility.Quadratic => -x.square(),
            _ => x.ge(0).to_type(x.dtype),
        };
    }

    /// <summary>c' = (c + r)/γ, so that c + G = γ (c' + G'): next_stocks [N].</summary>
    /// <param name="stocks">[N] c.</param>
    /// <param name="rewards">[N] r.</param>
    /// <param name="options">The discount.</param>
    [Target("distributional-dp/stock_update")]
    public static Outputs StockUpdate(Tensor stocks, Tensor rewards, StockOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("stocks", stocks).With("rewards", rewards).RequireSameShape("stocks", "rewards");
        return new Outputs { ["next_stocks"] = (stocks + rewards) / options.Gamma };
    }

    /// <summary>The mean over particles of f(c + Z), and the first action with the highest: utilities [N,A], actions [N].</summary>
    /// <param name="particles">[N,A,M] returns to go.</param>
    /// <param name="stocks">[N].</param>
    /// <param name="options">f.</param>
    [Target("distributional-dp/utility")]
    public static Outputs Utility(Tensor particles, Tensor stocks, UtilityOptions options)
    {
        ArgumentNullException.ThrowIfNull(particles);
        ArgumentNullException.ThrowIfNull(stocks);
        ArgumentNullException.ThrowIfNull(options);
        if (particles.dim() != 3 || stocks.shape is not [var rows] || rows != particles.shape[0])
        {
            throw new InvalidInputException($"the shape of 'particles' is [{string.Join(',', particles.shape)}] and that of 'stocks' is [{string.Join(',', stocks.shape)}]; they must be [N,A,M] and [N]");
        }

        var utilities = Of(options.Utility, stocks.reshape(-1, 1, 1) + particles).mean([2]);
        return new Outputs { ["utilities"] = utilities, ["actions"] = utilities.argmax(1) };
    }

    /// <summary>r + γ Z of the action that is greedy at the next state and its own stock: targets [N,M], next_stocks, next_actions [N].</summary>
    /// <param name="nextParticles">[N,A,M] of the target network at the next state.</param>
    /// <param name="stocks">[N] before the transition.</param>
    /// <param name="rewards">[N].</param>
    /// <param name="terminals">[N] 1 where the episode ended, else 0.</param>
    /// <param name="options">f and the discount.</param>
    [Target("distributional-dp/td_targets")]
    public static Outputs TdTargets(Tensor nextParticles, Tensor stocks, Tensor rewards, Tensor terminals, ReturnOptions options)
    {
        ArgumentNullException.ThrowIfNull(nextParticles);
        ArgumentNullException.ThrowIfNull(terminals);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("stocks", stocks).With("rewards", rewards).With("terminals", terminals).RequireSameShape("stocks", "rewards", "terminals");
        var next = StockUpdate(stocks, rewards, new StockOptions { Gamma = options.Gamma }).Tensor("next_stocks");
        var actions = Utility(nextParticles.detach(), next, options).Tensor("actions");
        var chosen = QuantileRegression.OfActions(nextParticles.detach(), actions);
        var targets = rewards.unsqueeze(1) + (options.Gamma * (1 - terminals).unsqueeze(1) * chosen);
        return new Outputs { ["targets"] = targets, ["next_stocks"] = next, ["next_actions"] = actions };
    }

    /// <summary>The quantile Huber loss: loss [].</summary>
    /// <param name="predictions">[N,M] the taken actions' particles.</param>
    /// <param name="targets">[N,K].</param>
    /// <param name="options">Where it becomes linear.</param>
    [Target("distributional-dp/quantile_loss")]
    public static Loss QuantileLoss(Tensor predictions, Tensor targets, QuantileLossOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Loss(QuantileRegression.Loss(predictions, targets, options.Kappa));
    }

    /// <summary>The mean of the lowest share of the mass: cvar.</summary>
    /// <param name="atoms">[L].</param>
    /// <param name="probabilities">[L].</param>
    /// <param name="options">The share.</param>
    [Target("distributional-dp/cvar")]
    public static Outputs Cvar(IReadOnlyList<double> atoms, IReadOnlyList<double> probabilities, TailOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Outputs { ["cvar"] = ReturnDistribution.Of(atoms, probabilities).Cvar(options.Tau) };
    }

    /// <summary>CVaR = max over c of -c + U(c)/τ: objectives [J]; index, stock and value of the first maximum.</summary>
    /// <param name="stocks">[J] candidates for the first stock.</param>
    /// <param name="utilities">[J] the best utility E min(c + G, 0) from each.</param>
    /// <param name="options">τ.</param>
    [Target("distributional-dp/start_stock")]
    public static Outputs StartStock(IReadOnlyList<double> stocks, IReadOnlyList<double> utilities, TailOptions options)
    {
        ArgumentNullException.ThrowIfNull(stocks);
        ArgumentNullException.ThrowIfNull(utilities);
        ArgumentNullException.ThrowIfNull(options);
        if (stocks.Count != utilities.Count || stocks.Count == 0)
        {
            throw new InvalidInputException($"the shape of 'stocks' is [{stocks.Count}] and that of 'utilities' is [{utilities.Count}]; there must be as many of each, and at least one");
        }

        double[] objectives = [.. stocks.Zip(utilities, (stock, utility) => -stock + (utility / options.Tau))];
        var index = Array.IndexOf(objectives, objectives.Max());
        return new Outputs { ["objectives"] = objectives, ["index"] = index, ["stock"] = stocks[index], ["value"] = objectives[index] };
    }

    /// <summary>Exact value iteration over the states, the steps left and the stocks that can be reached: action (-1 where there is none to take), utility, atoms, probabilities.</summary>
    /// <param name="transitions">[S,A,S].</param>
    /// <param name="rewards">[S,A,S].</param>
    /// <param name="terminal">[S] bool.</param>
    /// <param name="horizon">Decisions left, at least 0.</param>
    /// <param name="startState">Where it begins.</param>
    /// <param name="startStock">With which stock.</param>
    /// <param name="options">f and the discount.</param>
    [Target("distributional-dp/value_iteration")]
    public static Outputs ValueIteration(Tensor transitions, Tensor rewards, Tensor terminal, int horizon, int startState, double startStock, ReturnOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var plan = new Planner(new TabularModel(transitions, rewards, terminal), options.Utility, options.Gamma).Plan(horizon, startState, startStock);
        return new Outputs { ["action"] = plan.Action, ["utility"] = plan.Utility, ["atoms"] = plan.Returns.Atoms, ["probabilities"] = plan.Returns.Probabilities };
    }
}
