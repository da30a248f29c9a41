using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Xpo;

/// <summary>XPO: online DPO with a bonus that lowers the probability of what the reference would say anyway.</summary>
/// <remarks>
/// Inputs: policy, reference and mask of both sides; explore_logps, explore_mask [B,T]: the policy's log-probabilities of the sampling policy's answers.
/// Outputs: loss, preference_loss, bonus []; chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("xpo", Loop.OnlinePairs, Paper = "2405.21046", Title = "Exploratory Preference Optimization: Harnessing Implicit Q*-Approximation for Sample-Efficient RLHF")]
[Default("first", "policy")]
[Default("second", "reference")]
[Default("labels", "hard")]
[Default("learning_rate", 5e-7)]
public sealed class Xpo(XpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["alpha"] = options.Alpha, ["beta"] = options.Beta };

    /// <summary>mean(-log σ(β h) + α Σ_t log π(ỹ_t)), h = S_chosen - S_rejected, S = Σ_t log π/π_ref.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (alpha, beta) = (batch.Number("alpha") ?? options.Alpha, batch.Number("beta") ?? options.Beta);
        var (chosen, rejected) = PairLogRatios.Of(batch);
        batch.RequireSameShape("explore_logps", "explore_mask");
        batch.RequireSameRows("policy_chosen_logps", "explore_logps");

        var h = chosen - rejected;
        var preferences = options.LossType == XpoLoss.Ipo ? (h - (1 / (2 * beta))).square() : PairLosses.Logistic(beta * h);
        // The policy's own log-probabilities: the gradient lowers them.
        var bonuses = alpha * Masked.RowSum(batch["explore_logps"], batch["explore_mask"]);
        var losses = preferences + bonuses;
        var loss = PairLosses.WithMetrics(losses.mean(), losses, beta * chosen, beta * rejected);
        loss["preference_loss"] = preferences.mean().detach();
        loss["bonus"] = bonuses.mean().detach();
        return loss;
    }

    /// <summary>Which answer is the better one: chosen_is_policy [B] bool, a tie is the policy's; policy_scores, reference_scores [B] after the penalty.</summary>
    /// <param name="policyScores">[B].</param>
    /// <param name="referenceScores">[B].</param>
    /// <param name="policyHasEos">[B] bool, whether the answer ended by itself.</param>
    /// <param name="referenceHasEos">[B] bool.</param>
    /// <param name="options">The penalty.</param>
    [Target("xpo/label")]
    public static Outputs Label(Tensor policyScores, Tensor referenceScores, Tensor policyHasEos, Tensor referenceHasEos, XpoLabelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("policy_scores", policyScores).With("reference_scores", referenceScores).With("policy_has_eos", policyHasEos).With("reference_has_eos", referenceHasEos)
            .RequireSameShape("policy_scores", "reference_scores", "policy_has_eos", "reference_has_eos");
        Tensor Penalised(Tensor scores, Tensor ended) => options.MissingEosPenalty is { } penalty ? scores - (penalty * Masked.Indicator(ended.logical_not(), scores)) : scores;
        var (policy, reference) = (Penalised(policyScores, policyHasEos), Penalised(referenceScores, referenceHasEos));
        return new Outputs { ["chosen_is_policy"] = policy.ge(reference), ["policy_scores"] = policy, ["reference_scores"] = reference };
    }

    /// <summary>The entry of the schedule for an iteration: min(iteration, last).</summary>
    /// <param name="iteration">From 0.</param>
    /// <param name="options">The schedule.</param>
    [Target("xpo/alpha")]
    public static double Alpha(int iteration, XpoAlphaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return iteration < 0 ? throw new InvalidInputException($"iteration must be >= 0, was {iteration}") : options.Values[Math.Min(iteration, options.Values.Length - 1)];
    }
}
