using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.FDpo;

/// <summary>One prompt with twelve answers: the logits of the reference and the rewards are standard normal, from the run's seed.</summary>
internal static class Bandit
{
    internal const int Answers = 12;

    /// <summary>[12] logits of the reference.</summary>
    internal static Tensor Logits(RunContext run) => Normals(run.Draws.Key("f-dpo-bandit").Key("reference"));

    /// <summary>[12] probabilities of the reference.</summary>
    internal static Tensor Reference(RunContext run) => Logits(run).softmax(0);

    /// <summary>[12].</summary>
    internal static Tensor Rewards(RunContext run) => Normals(run.Draws.Key("f-dpo-bandit").Key("rewards"));

    private static Tensor Normals(Draws draws) => tensor(Enumerable.Range(0, Answers).Select(answer => draws.Key(answer).Normal()).ToArray());

    /// <summary>A divergence as manifests spell it.</summary>
    internal static string Name(DivergenceKind kind) => kind switch
    {
        DivergenceKind.ForwardKl => "forward_kl",
        DivergenceKind.JsDivergence => "js_divergence",
        DivergenceKind.AlphaDivergence => "alpha_divergence",
        _ => "reverse_kl",
    };
}

/// <summary>The policy of the claim of <c>f-dpo</c>: one logit an answer, which begin as the reference.</summary>
[Model("f-dpo-bandit")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", Bandit.Answers)]
public sealed class BanditModel(BanditModelOptions options, RunContext run, IServiceProvider services) : TableModel(
    (options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), Bandit.Logits(run).reshape(1, 1, -1).to(run.Device).to_type(run.Dtype));

/// <summary>Options of the model <c>f-dpo-bandit</c>.</summary>
public sealed record BanditModelOptions
{
    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The data of the claim of <c>f-dpo</c>: every ordered pair of answers once, with the probability that the reference draws both and Bradley-Terry prefers the first as its <c>weight</c>.</summary>
[Data("f-dpo-bandit")]
public sealed class BanditData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        using var scope = NewDisposeScope();
        double[] reference = Bandit.Reference(run).data<double>().ToArray(), rewards = Bandit.Rewards(run).data<double>().ToArray();
        return new DataSet(
            [
                .. from i in Enumerable.Range(0, Bandit.Answers)
                   from j in Enumerable.Range(0, Bandit.Answers)
                   where i != j
                   select new Example((i * Bandit.Answers) + j, new JsonObject
                   {
                       ["prompt"] = "0",
                       ["chosen"] = i.ToString(CultureInfo.InvariantCulture),
                       ["rejected"] = j.ToString(CultureInfo.InvariantCulture),
                       ["weight"] = reference[i] * reference[j] / (1 + Math.Exp(rewards[j] - rewards[i])),
                   }),
            ],
            []);
    }
}

/// <summary>For the claim of <c>f-dpo</c>: its loss over a whole population, each pair with the number column <c>weight</c>.</summary>
[Objective("f-dpo-population")]
public sealed class PopulationLoss(FDpoOptions options) : PairObjective
{
    private readonly FDpo _pairs = new(options);

    /// <inheritdoc/>
    public override Needs Needs => _pairs.Needs;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("weight")];

    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (losses, chosen, rejected) = _pairs.Pairs(batch);
        return PairLosses.WithMetrics((losses * batch["weight"]).sum() / batch["weight"].sum(), losses, chosen, rejected);
    }
}

/// <summary>For the claim of <c>f-dpo</c>: total variation between the policy and the closed-form optimum under each divergence.</summary>
[Evaluation("f-dpo-distance")]
public sealed class OptimumDistance(FDpoOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var policy = stage.Run.Models.Get<TableModel>("policy").Values.flatten().to_type(ScalarType.Float64).cpu().softmax(0);
        return Enum.GetValues<DivergenceKind>().ToDictionary(Bandit.Name, kind =>
        {
            var optimum = FDpo.OptimalPolicy(Bandit.Reference(stage.Run), Bandit.Rewards(stage.Run), options with { Divergence = kind });
            return (policy - optimum.Tensor("probabilities")).abs().sum().ToDouble() / 2;
        });
    }
}

/// <summary>
/// For the claim of <c>f-dpo</c>: the closed-form optima under each divergence, of strengths that give them the same expected reward. <c>NAME_lead</c>: how much
/// more of a divergence the nearest of the others pays than the one made with it. <c>NAME_floor</c>: its least probability over the reference's.
/// </summary>
[Evaluation("f-dpo-efficiency")]
public sealed class Efficiency(EfficiencyOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var (reference, rewards) = (Bandit.Reference(stage.Run), Bandit.Rewards(stage.Run));
        var start = (reference * rewards).sum().ToDouble();
        var goal = start + (options.Share * (rewards.max().ToDouble() - start));
        var policies = Enum.GetValues<DivergenceKind>().ToDictionary(kind => kind, At);
        var results = new Dictionary<string, double>();
        foreach (var (kind, policy) in policies)
        {
            results[Bandit.Name(kind) + "_lead"] = policies.Where(other => other.Key != kind).Min(other => Divergence(other.Value)) - Divergence(policy);
            results[Bandit.Name(kind) + "_floor"] = (policy / reference).min().ToDouble();

            double Divergence(Tensor of) => FDpo.Divergence(of, reference, new FDpoOptions { Divergence = kind, Alpha = options.Alpha }).Tensor("divergence").ToDouble();
        }

        return results;

        // The stronger the pull, the less reward.
        Tensor At(DivergenceKind kind)
        {
            var (low, high) = (Math.Log(1e-3), Math.Log(1e3));
            for (var i = 0; i < 50; i++)
            {
                var middle = (low + high) / 2;
                (low, high) = (Policy(middle) * rewards).sum().ToDouble() > goal ? (middle, high) : (low, middle);
            }

            return Policy(high);

            Tensor Policy(double logBeta) => FDpo.OptimalPolicy(reference, rewards, new FDpoOptions { Divergence = kind, Alpha = options.Alpha, Beta = Math.Exp(logBeta) }).Tensor("probabilities");
        }
    }
}

/// <summary>Options of <c>f-dpo-efficiency</c>.</summary>
public sealed record EfficiencyOptions
{
    /// <summary>α of the α divergence.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Alpha { get; init; } = 0.5;

    /// <summary>The reward aimed at: how far from the reference's towards the largest.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Share { get; init; } = 0.6;
}
