using Plumbline.Training;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DistributionalDp;

/// <summary>Candidates for the first stock.</summary>
public record StockGrid : IChecksItself
{
    /// <summary>The first candidate.</summary>
    public double From { get; init; }

    /// <summary>The last one.</summary>
    public double To { get; init; }

    /// <summary>From one to the next.</summary>
    [Positive]
    public double Step { get; init; } = 1.0;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (To < From)
        {
            yield return $"to must be at least from, which is {From}, was {To}";
        }
    }

    internal double[] Stocks() => [.. Enumerable.Range(0, 1 + (int)Math.Floor(((To - From) / Step) + 1e-9)).Select(i => From + (i * Step))];
}

/// <summary>What is planned.</summary>
public enum PlanKind
{
    /// <summary>An action for every state, stock and step.</summary>
    Policy,

    /// <summary>A sequence of actions that is fixed beforehand.</summary>
    Sequence,
}

/// <summary>Options of <c>distributional-dp-plan</c>.</summary>
public sealed record PlanOptions : ReturnReportOptions
{
    /// <summary>What is made of the return distribution.</summary>
    public ReturnUtility Utility { get; init; } = ReturnUtility.Cvar;

    /// <summary>The discount.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Gamma { get; init; } = 0.997;

    /// <summary>The first stock.</summary>
    public double Stock { get; init; }

    /// <summary>For utility cvar: the first stock is the best of these; null: it is given.</summary>
    public StockGrid? Stocks { get; init; }

    /// <summary>What is planned.</summary>
    public PlanKind Plan { get; init; } = PlanKind.Policy;
}

/// <summary>Plans a decision problem whose tables are known, exactly, and tells the distribution of its returns; no network has a part in it.</summary>
[Evaluation("distributional-dp-plan", Paper = "2501.13028", Title = "Optimizing Return Distributions with Distributional Dynamic Programming")]
public sealed class ExactPlan(PlanOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var problem = options.Environment.Create(stage.Services) as ITabularEnvironment
            ?? throw new PlumblineException($"environment '{options.Environment.Id}' has no tables to plan with; the environment tabular has");
        if (options.Stocks is not null && options.Utility != ReturnUtility.Cvar)
        {
            throw new PlumblineException($"stocks are candidates for the utility cvar, and the utility is {options.Utility.ToString().ToLowerInvariant()}; give one stock");
        }

        var planner = new Planner(problem.Model, options.Utility, options.Gamma);
        var stock = options.Stock;
        if (options.Stocks?.Stocks() is { } candidates)
        {
            stock = (double)DistributionalDp.StartStock(candidates, [.. candidates.Select(candidate => Decide(candidate).Utility)], new TailOptions { Tau = options.Tau })["stock"];
        }

        var name = options.Name ?? "plan";
        var decision = Decide(stock);
        var results = new Dictionary<string, double>(options.Report(name, decision.Returns)) { [name + "_utility"] = decision.Utility, [name + "_stock"] = stock };
        return results;

        Decision Decide(double from) => options.Plan == PlanKind.Policy ? planner.Plan(problem.Horizon, problem.Start, from) : planner.BestSequence(problem.Horizon, problem.Start, from);
    }
}

/// <summary>Options of <c>distributional-dp-cvar</c>.</summary>
public sealed record CvarOptions : ReturnReportOptions
{
    /// <summary>Candidates for the first stock.</summary>
    public required StockGrid Stocks { get; init; }

    /// <summary>The discount.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Gamma { get; init; } = 0.997;

    /// <summary>Episodes to play.</summary>
    [Positive]
    public int Episodes { get; init; } = 1000;
}

/// <summary>Plays a network trained for cvar from the first stock that is best for the share tau, as the network itself values it.</summary>
[Evaluation("distributional-dp-cvar", Paper = "2501.13028", Title = "Optimizing Return Distributions with Distributional Dynamic Programming")]
public sealed class CvarReturns(CvarOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var model = stage.Run.Models.Get<IFunctionModel>("policy");
        var objective = new DistributionalDp(new DistributionalDpOptions { Utility = ReturnUtility.Cvar, Gamma = options.Gamma });
        var values = new ValuedActions(model, options.Environment.Create(stage.Services), objective);
        var (candidates, draws) = (options.Stocks.Stocks(), stage.Run.Draws.Key("evaluation"));
        var particles = values.AtStart(model, candidates, draws.Key("start"));
        var utilities = DistributionalDp.Utility(particles, tensor(candidates, particles.dtype, device: particles.device), new UtilityOptions()).Tensor("utilities").amax([1]);
        var stock = (double)DistributionalDp.StartStock(candidates, [.. utilities.to_type(ScalarType.Float64).cpu().data<double>()], new TailOptions { Tau = options.Tau })["stock"];
        var name = options.Name ?? "cvar";
        var returns = ReturnDistribution.OfSamples(values.Returns(model, objective, stock, options.Episodes, options.Gamma, draws, cancel));
        return new Dictionary<string, double>(options.Report(name, returns)) { [name + "_stock"] = stock };
    }
}
