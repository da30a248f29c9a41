using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.NoisyPairs;

/// <summary>Options of the task <c>noisy-pairs</c>, the same for its model, its data and its evaluation.</summary>
public record NoisyPairsOptions
{
    /// <summary>Pairs; each is a prompt of its own with two answers.</summary>
    [Positive]
    public int Pairs { get; init; } = 4000;

    /// <summary>Features of an answer, standard normal.</summary>
    [Positive]
    public int Features { get; init; } = 8;

    /// <summary>Length of the true weights, whose direction is random.</summary>
    [Positive]
    public double Norm { get; init; } = 2;
}

/// <summary>What the seed makes of the options: features, true weights, labels.</summary>
internal sealed class NoisyPairsTask(NoisyPairsOptions options, RunContext run)
{
    private readonly Draws _draws = run.Draws.Key("noisy-pairs");

    /// <summary>[prompts,answers,D] features under a name.</summary>
    internal Tensor Features(string name, int prompts, int answers) =>
        tensor(Enumerable.Range(0, prompts * answers * options.Features).Select(i => _draws.Key(name).Key(i).Normal()).ToArray(), [prompts, answers, options.Features]);

    /// <summary>[P,2,D] features of the pairs.</summary>
    internal Tensor Pairs => Features("pairs", options.Pairs, 2);

    /// <summary>[D] the true weights: an answer's reward is their product with its features.</summary>
    internal Tensor Truth
    {
        get
        {
            var direction = tensor(Enumerable.Range(0, options.Features).Select(i => _draws.Key("truth").Key(i).Normal()).ToArray());
            return direction * (options.Norm / direction.norm());
        }
    }

    /// <summary>By how much weights prefer answer 1 of each pair to answer 0.</summary>
    internal double[] Lead(Tensor weights)
    {
        var scores = Pairs.matmul(weights);
        return (scores.select(1, 1) - scores.select(1, 0)).data<double>().ToArray();
    }

    /// <summary>Uniform in [0,1), by purpose and pair.</summary>
    internal double Uniform(string purpose, int pair) => _draws.Key(purpose).Key(pair).Uniform();
}

/// <summary>A log-linear policy over two answers a prompt, of whose features the reward is a linear function; it begins uniform.</summary>
[Model("noisy-pairs")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", 4000)]
public sealed class NoisyPairsModel(NoisyPairsModelOptions options, RunContext run, IServiceProvider services) : LogLinearModel(
    (options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services),
    new NoisyPairsTask(options, run).Pairs.to(run.Device).to_type(run.Dtype), zeros([options.Features], dtype: run.Dtype, device: run.Device));

/// <summary>Options of the model <c>noisy-pairs</c>.</summary>
public sealed record NoisyPairsModelOptions : NoisyPairsOptions
{
    /// <summary>Text to tokens: as many as there are pairs.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Pairs labelled by Bradley and Terry's model of the true reward, of which annotators then flip a share.</summary>
/// <remarks>Rows have <c>annotator_ids</c>, which go round, and <c>flipped</c>.</remarks>
[Data("noisy-pairs")]
public sealed class NoisyPairsData(NoisyPairsDataOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        using var scope = NewDisposeScope();
        var task = new NoisyPairsTask(options, run);
        var lead = task.Lead(task.Truth);
        return new DataSet([.. Enumerable.Range(0, options.Pairs).Select(pair =>
        {
            var better = task.Uniform("label", pair) < 1 / (1 + Math.Exp(-lead[pair])) ? 1 : 0;
            var annotator = pair % options.FlipRates.Count;
            return FlipLabels.Label(
                new Example(pair, new JsonObject { ["prompt"] = $"{pair}", ["chosen"] = $"{better}", ["rejected"] = $"{1 - better}", ["annotator_ids"] = (double)annotator }),
                task.Uniform("flip", pair) < options.FlipRates[annotator]);
        })], []);
    }
}

/// <summary>Options of the data <c>noisy-pairs</c>.</summary>
public sealed record NoisyPairsDataOptions : NoisyPairsOptions, IChecksItself
{
    /// <summary>The share of labels that each annotator flips; there are as many annotators as rates.</summary>
    [Interval(0, 1)]
    public IReadOnlyList<double> FlipRates { get; init; } = [0];

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (FlipRates.Count == 0)
        {
            yield return "flip_rates must hold at least one rate; 0 flips nothing";
        }
    }
}

/// <summary>What a log-linear policy lacks to the optimum of E[reward] - KL to the uniform policy, on fresh prompts: gap. With data also auc: how well its margins tell kept labels from flipped ones.</summary>
[Evaluation("noisy-pairs")]
public sealed class NoisyPairsEvaluation(NoisyPairsEvaluationOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var task = new NoisyPairsTask(options, stage.Run);
        var theta = stage.Run.Models.Get<LogLinearModel>("policy").Theta.to_type(ScalarType.Float64).cpu();
        var (features, truth) = (task.Features("fresh", options.Prompts, options.Answers), task.Truth);
        var rewards = features.matmul(truth);
        var results = new Dictionary<string, double> { ["gap"] = (Value(truth) - Value(theta)).mean().ToDouble() };
        if (options.Data?.Create(stage.Services).Load(stage.Run).Train is { } rows)
        {
            var margins = task.Lead(theta);
            results["auc"] = Auc(rows.ToLookup(row => row.Columns["flipped"]!.GetValue<bool>(), row => row.Text("chosen") == "1" ? margins[row.Index] : -margins[row.Index]));
        }

        return results;

        Tensor Value(Tensor weights)
        {
            var logps = features.matmul(weights).log_softmax(1);
            return (logps.exp() * (rewards - logps - Math.Log(options.Answers))).sum(1);
        }
    }

    /// <summary>The share of (kept, flipped) pairs of labels of which the kept one has the larger margin.</summary>
    private static double Auc(ILookup<bool, double> margins)
    {
        double[] flipped = [.. margins[true].Order()];
        return flipped.Length == 0 ? double.NaN : margins[false].Average(kept =>
        {
            var place = Array.BinarySearch(flipped, kept);
            return (place < 0 ? ~place : place + 0.5) / flipped.Length;
        });
    }
}

/// <summary>Options of the evaluation <c>noisy-pairs</c>.</summary>
public sealed record NoisyPairsEvaluationOptions : NoisyPairsOptions
{
    /// <summary>Fresh prompts.</summary>
    [Positive]
    public int Prompts { get; init; } = 500;

    /// <summary>Answers of each.</summary>
    [Positive]
    public int Answers { get; init; } = 16;

    /// <summary>The labels, where the policy's margins are to be compared with whether they were flipped.</summary>
    public Part<IData>? Data { get; init; }
}
