using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DisCo;

/// <summary>DisCO: raise the scores of right answers over those of wrong ones, each question alike, while the policy stays within a bound of the one that sampled.</summary>
/// <remarks>
/// Inputs: logps, mask [N,T]; rewards, each 0 or 1, group_ids [N]; old_logps, absent on the first update, where the policy is the one that sampled.
/// Outputs: loss; objective (J), kl, constraint_active (1: the bound is exceeded), valid_fraction (questions with right and wrong answers) []; scores [N].
/// </remarks>
[Algorithm("disco", Loop.OnlineGroups, Paper = "2505.12366", Title = "DisCO: Reinforcing Large Reasoning Models with Discriminative Constrained Optimization")]
[Default("learning_rate", 2e-6)]
[Default("minibatches", 4)]
[Default("sampler.temperature", 0.6)]
public sealed class DisCo(DisCoOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Rewards;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["penalty"] = options.Penalty, ["delta"] = options.Delta };

    /// <summary>-J + κ/2 max(KL - δ, 0)², where J is the mean over all questions of what sets right answers apart from wrong ones.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "logps", "old_logps");
        batch.RequireSameRows("logps", "rewards", "group_ids");
        var (right, wrong) = (batch.Rewards, 1 - batch.Rewards);
        if ((right * wrong).ne(0).any().ToBoolean())
        {
            throw new InvalidInputException("'rewards' must be 0 or 1: DisCO tells right answers from wrong ones, and knows no grades between");
        }

        var logRatio = (batch.Logps - (batch.OldLogps ?? batch.Logps).detach()) * batch.Mask;
        var scores = Masked.RowMean(options.Score == LikelihoodScore.LogLikelihood ? batch.Logps : logRatio.exp(), batch.Mask);
        var groups = new Groups(batch.GroupIds);
        var (rights, wrongs) = (groups.Sum(right), groups.Sum(wrong));
        var valid = rights.gt(0).logical_and(wrongs.gt(0));
        var against = options.Variant == DisCoVariant.DiscoB
            ? groups.Sum(scores * wrong) / wrongs.clamp_min(1)
            : options.Temperature * (groups.LogSumExp((scores / options.Temperature).masked_fill(Leave(right, groups, valid), double.NegativeInfinity)) - wrongs.clamp_min(1).log());
        var objective = (((groups.Sum(scores * right) / rights.clamp_min(1)) - against) * Masked.Indicator(valid, scores)).sum() / groups.Count;

        var kl = Masked.Mean(options.KlEstimator == DivergenceEstimator.K3 ? KlEstimates.K3(-logRatio) : KlEstimates.K1(-logRatio), batch.Mask);
        var excess = (kl - (batch.Number("delta") ?? options.Delta)).clamp_min(0);
        return new Loss(((batch.Number("penalty") ?? options.Penalty) / 2 * excess.square()) - objective)
        {
            ["objective"] = objective.detach(),
            ["kl"] = kl.detach(),
            ["scores"] = scores.detach(),
            ["constraint_active"] = Masked.Indicator(excess.gt(0), scores),
            ["valid_fraction"] = Masked.Indicator(valid, scores).mean(),
        };
    }

    /// <summary>[N] bool: the rows that a soft maximum over wrong answers leaves out. A question that doesn't count keeps all of its own, so that there is a maximum.</summary>
    private static Tensor Leave(Tensor right, Groups groups, Tensor valid) => right.gt(0).logical_and(groups.Spread(valid));

    /// <summary>What multiplies the part of the objective that tells right answers from wrong ones, for a question of success rate p: weights [Q].</summary>
    /// <param name="successRates">[Q] in [0,1].</param>
    /// <param name="options">Whose weights.</param>
    [Target("disco/question_weight")]
    public static Outputs QuestionWeight(Tensor successRates, QuestionWeightOptions options)
    {
        ArgumentNullException.ThrowIfNull(successRates);
        ArgumentNullException.ThrowIfNull(options);
        var variance = successRates * (1 - successRates);
        return new Outputs
        {
            ["weights"] = options.Method switch
            {
                QuestionWeighting.Grpo => variance.sqrt(),
                QuestionWeighting.DrGrpo => variance,
                _ => Masked.Indicator(variance.gt(0), variance),
            },
        };
    }
}
