using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Dpo;

/// <summary>One prompt with a few answers: the reference and the rewards of each, standard normal, from the run's seed.</summary>
internal static class Bandit
{
    internal const int Answers = 12;

    /// <summary>Logits of the reference.</summary>
    internal static double[] Reference(RunContext run) => Normals(run.Draws.Key("dpo-bandit").Key("reference"));

    /// <summary>The true reward of each answer.</summary>
    internal static double[] Rewards(RunContext run) => Normals(run.Draws.Key("dpo-bandit").Key("rewards"));

    private static double[] Normals(Draws draws) => [.. Enumerable.Range(0, Answers).Select(answer => draws.Key(answer).Normal())];
}

/// <summary>The policy of the claim of <c>dpo</c>: one logit an answer, which begin as the reference.</summary>
[Model("dpo-bandit")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", Bandit.Answers)]
public sealed class BanditModel(BanditModelOptions options, RunContext run, IServiceProvider services)
    : TableModel((options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), tensor(Bandit.Reference(run), [1, 1, Bandit.Answers], device: run?.Device).to_type(run!.Dtype));

/// <summary>Options of the model <c>dpo-bandit</c>.</summary>
public sealed record BanditModelOptions
{
    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Options of the data <c>dpo-bandit</c>.</summary>
public sealed record BanditDataOptions
{
    /// <summary>Pairs, all of which are one batch.</summary>
    [Positive]
    public int Pairs { get; init; } = 6000;
}

/// <summary>The data of the claim of <c>dpo</c>: every ordered pair of answers as often as the reference draws both and Bradley-Terry prefers the first. One batch of all is the population.</summary>
[Data("dpo-bandit")]
public sealed class BanditData(BanditDataOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var rewards = Bandit.Rewards(run);
        double[] odds = [.. Bandit.Reference(run).Select(Math.Exp)];
        var shares = (from i in Enumerable.Range(0, Bandit.Answers)
                      from j in Enumerable.Range(0, Bandit.Answers)
                      where i != j
                      select (Chosen: i, Rejected: j, Share: odds[i] * odds[j] / (1 + Math.Exp(rewards[j] - rewards[i])))).ToList();
        return new DataSet(
            [.. Counts([.. shares.Select(pair => pair.Share)]).SelectMany((count, place) => Enumerable.Repeat(shares[place], count))
                .Select((pair, row) => new Example(row, new JsonObject { ["prompt"] = "0", ["chosen"] = $"{pair.Chosen}", ["rejected"] = $"{pair.Rejected}" }))],
            []);
    }

    /// <summary>Whole numbers in proportion to shares that add up to the pairs asked for: rounded down, and the largest remainders one more.</summary>
    private int[] Counts(double[] shares)
    {
        double[] wanted = [.. shares.Select(share => options.Pairs * share / shares.Sum())];
        int[] counts = [.. wanted.Select(count => (int)count)];
        foreach (var place in Enumerable.Range(0, shares.Length).OrderByDescending(place => wanted[place] - counts[place]).Take(options.Pairs - counts.Sum()).ToList())
        {
            counts[place]++;
        }

        return counts;
    }
}

/// <summary>The evaluation of the claim of <c>dpo</c>: total variation distance between the policy and the optimum of the KL-constrained reward problem, in closed form.</summary>
[Evaluation("dpo-optimum")]
public sealed class BanditOptimum(DpoOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var policy = stage.Run.Models.Get<TableModel>("policy").Values.flatten().to_type(ScalarType.Float64).cpu().softmax(0);
        var optimum = Dpo.OptimalPolicy(tensor(Bandit.Reference(stage.Run)).log_softmax(0), tensor(Bandit.Rewards(stage.Run)), zeros([Bandit.Answers], ScalarType.Int64), options).Tensor("probabilities");
        return new Dictionary<string, double> { ["distance"] = ((policy - optimum).abs().sum() / 2).ToDouble() };
    }
}

/// <summary>The baseline of the claim of <c>dpo</c>: likelihood of the chosen answers, the rejected ones unread.</summary>
[Objective("dpo-likelihood")]
public sealed class ChosenLikelihood : PairObjective
{
    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return new Loss(Masked.NegativeLogLikelihood(batch.PolicyChosenLogps, batch.ChosenMask));
    }
}
