using Plumbline.Training.Decisions;

namespace Plumbline.Training;

/// <summary>What is told of a distribution of returns.</summary>
public abstract record ReturnReportOptions
{
    /// <summary>Begins the results' names; null: the part's own.</summary>
    public string? Name { get; init; }

    /// <summary>The decision problem.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>Also tell the mean of the worst returns: this share of them.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Tau { get; init; } = 0.1;

    /// <summary>Also tell how far returns are from this one, and how probable it is to reach it; null: neither.</summary>
    public double? Target { get; init; }

    /// <summary>The results: mean, cvar; where there is a target, its mean distance (miss) and the probability to reach it (reached).</summary>
    public IReadOnlyDictionary<string, double> Report(string name, ReturnDistribution returns)
    {
        ArgumentNullException.ThrowIfNull(returns);
        var results = new Dictionary<string, double> { [name + "_mean"] = returns.Mean, [name + "_cvar"] = returns.Cvar(Tau) };
        if (Target is { } target)
        {
            results[name + "_miss"] = returns.Expect(value => Math.Abs(value - target));
            results[name + "_reached"] = returns.Expect(value => value >= target ? 1 : 0);
        }

        return results;
    }
}

/// <summary>Options of <c>greedy-returns</c>.</summary>
public sealed record GreedyReturnsOptions : ReturnReportOptions
{
    /// <summary>Which action it makes the best.</summary>
    public required Part<ReplayObjective> Objective { get; init; }

    /// <summary>Where the stock of every episode begins.</summary>
    public double Stock { get; init; }

    /// <summary>Episodes to play.</summary>
    [Positive]
    public int Episodes { get; init; } = 1000;

    /// <summary>The discount of the returns.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double ReturnDiscount { get; init; } = 1.0;
}

/// <summary>The distribution of returns when a value network's best actions are taken.</summary>
[Evaluation("greedy-returns")]
public sealed class GreedyReturns(GreedyReturnsOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var model = stage.Run.Models.Get<IFunctionModel>("policy");
        var objective = options.Objective.Create(stage.Services);
        var values = new ValuedActions(model, options.Environment.Create(stage.Services), objective);
        var returns = values.Returns(model, objective, options.Stock, options.Episodes, options.ReturnDiscount, stage.Run.Draws.Key("evaluation"), cancel);
        return options.Report(options.Name ?? "greedy", ReturnDistribution.OfSamples(returns));
    }
}
