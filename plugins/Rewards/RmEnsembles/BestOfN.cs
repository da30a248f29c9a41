using System.Globalization;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RmEnsembles;

/// <summary>How the best of n is measured.</summary>
public enum BestOfNEstimate
{
    /// <summary>The mean over all subsets of n candidates.</summary>
    Unbiased,

    /// <summary>The best of the first n candidates.</summary>
    First,
}

/// <summary>A curve: what chooses among the candidates.</summary>
public sealed record BestOfNCurve
{
    /// <summary>Its name; the results begin with it.</summary>
    public required string Name { get; init; }

    /// <summary>What chooses; with several, each chooses for itself, and the curve is their mean.</summary>
    public required IReadOnlyList<Part<IReward>> Proxies { get; init; }
}

/// <summary>Options of <c>best-of-n</c>.</summary>
public sealed record BestOfNOptions : EvaluationOptions, IChecksItself
{
    /// <summary>What chooses, a curve each.</summary>
    public required IReadOnlyList<BestOfNCurve> Curves { get; init; }

    /// <summary>What a chosen candidate is worth; nothing trained has seen it.</summary>
    public required Part<IReward> Gold { get; init; }

    /// <summary>Numbers of candidates.</summary>
    [Positive]
    public IReadOnlyList<int> Ns { get; init; } = [1, 2, 4, 8, 16];

    /// <summary>How the best of n is measured.</summary>
    public BestOfNEstimate Estimate { get; init; } = BestOfNEstimate.Unbiased;

    /// <summary>What samples the candidates of each prompt, as many as the largest n; null: the data's rows are the candidates, their completions, joined by equal prompts.</summary>
    public Part<ISampler>? Sampler { get; init; }

    /// <summary>The role of the model that must be trained first; before it is there nothing is measured. Null: measure always.</summary>
    public string? Role { get; init; } = "reward";

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Curves.Count == 0 || Ns.Count == 0)
        {
            yield return "curves and ns must not be empty";
        }
    }
}

/// <summary>Proxy and gold score of the best of n candidates, for growing n: where the gold score falls, the proxy is over-optimised.</summary>
[Evaluation("best-of-n")]
public sealed class BestOfN(BestOfNOptions options) : IEvaluation
{
    private const int RolloutsAtATime = 4096;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var results = new Dictionary<string, double>();
        if (options.Role is { } role && !stage.Run.Models.Roles.Contains(role))
        {
            return results;
        }

        var candidates = Candidates(stage, cancel);
        var gold = Scores(stage, options.Gold, candidates, cancel);
        foreach (var n in options.Ns)
        {
            results[Name("kl", n)] = (double)RmEnsembles.BonKl(n)["kl"];
        }

        foreach (var curve in options.Curves)
        {
            foreach (var proxy in curve.Proxies.Select(part => Scores(stage, part, candidates, cancel)))
            {
                foreach (var n in options.Ns)
                {
                    using var scope = NewDisposeScope();
                    var narrow = options.Estimate == BestOfNEstimate.First;
                    var best = narrow && n <= proxy.shape[1] ? RmEnsembles.BonEstimate(proxy.narrow(1, 0, n), gold.narrow(1, 0, n), n) : RmEnsembles.BonEstimate(proxy, gold, n);
                    foreach (var side in (string[])["proxy", "gold"])
                    {
                        var name = Name($"{curve.Name}_{side}", n);
                        results[name] = results.GetValueOrDefault(name) + (best.Tensor(side).ToDouble() / curve.Proxies.Count);
                    }
                }
            }
        }

        return results;

        string Name(string what, int n) => string.Create(CultureInfo.InvariantCulture, $"{(options.Name is { } name ? name + "_" : string.Empty)}{what}_{n}");
    }

    /// <summary>As many candidates of each prompt, prompts one after the other.</summary>
    private Rollout[][] Candidates(StageContext stage, CancellationToken cancel)
    {
        var rows = options.Examples(stage);
        if (options.Sampler is { } sampler)
        {
            stage.Recorder.InHand(Kinds.Sampler + " " + sampler.Id, "evaluating");
            var sampled = PolicySamples.Of(stage, sampler.Create(stage.Services), rows, options.Ns.Max(), stage.Run.Draws.Key("evaluation").Key(options.Data.Id), cancel);
            return [.. sampled.GroupBy(rollout => rollout.GroupId).Select(group => group.ToArray())];
        }

        Rollout[][] stored = [.. rows.GroupBy(row => row.Text("prompt")).Select((group, i) => group.Select(row => StoredAnswer.Of(row, i, row.Text("completion"))).ToArray())];
        return stored.All(group => group.Length == stored[0].Length) ? stored
            : throw new PlumblineException($"the prompts of data '{options.Data.Id}' have from {stored.Min(group => group.Length)} to {stored.Max(group => group.Length)} candidates; each must have as many");
    }

    /// <summary>[P,N] float64.</summary>
    private static Tensor Scores(StageContext stage, Part<IReward> part, Rollout[][] candidates, CancellationToken cancel)
    {
        stage.Recorder.InHand(Kinds.Reward + " " + part.Id, "evaluating");
        var reward = part.Create(stage.Services);
        var context = new RewardContext(0, 0, stage.Run.Draws.Key("evaluation").Key("reward"));
        var values = new List<double>();
        foreach (var some in candidates.SelectMany(group => group).Chunk(RolloutsAtATime))
        {
            cancel.ThrowIfCancellationRequested();
            values.AddRange(RewardScores.Of(reward, part.Id, some, context).Values);
        }

        return tensor(values.ToArray(), [candidates.Length, candidates[0].Length]);
    }
}
