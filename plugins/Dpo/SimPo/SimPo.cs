using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SimPo;

/// <summary>SimPO: the reward is the answer's average log-probability, with a target margin; no reference model.</summary>
/// <remarks>Inputs: policy and mask of both sides. Outputs: loss; losses (without the sft term), chosen_rewards, rejected_rewards [B]; accuracy, margin [].</remarks>
[Algorithm("simpo", Loop.OfflinePairs, Paper = "2405.14734", Title = "SimPO: Simple Preference Optimization with a Reference-Free Reward")]
[Default("learning_rate", 1e-6)]
[Default("schedule", "cosine")]
public sealed class SimPo(SimPoOptions options) : PairObjective
{
    /// <summary>Equation (6): z = β (mean log π(chosen) - mean log π(rejected)) - γ, loss = -log σ(z).</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: false);
        Masked.RequireTokensInEveryRow(batch.ChosenMask, "chosen_mask");
        Masked.RequireTokensInEveryRow(batch.RejectedMask, "rejected_mask");
        var chosen = options.Beta * Masked.RowMean(batch.PolicyChosenLogps, batch.ChosenMask);
        var rejected = options.Beta * Masked.RowMean(batch.PolicyRejectedLogps, batch.RejectedMask);

        var z = chosen - rejected - options.Gamma;
        var losses = options.Loss == MarginLoss.Hinge ? PairLosses.Hinge(z) : PairLosses.Logistic(z, options.LabelSmoothing);
        var loss = losses.mean();
        if (options.SftWeight > 0)
        {
            loss += options.SftWeight * Masked.NegativeLogLikelihood(batch.PolicyChosenLogps, batch.ChosenMask);
        }

        return PairLosses.WithMetrics(loss, losses, chosen, rejected);
    }

    /// <summary>The share of pairs whose chosen answer has the higher average log-probability: agreement [].</summary>
    /// <param name="policyChosenLogps">[B,T].</param>
    /// <param name="policyRejectedLogps">[B,T].</param>
    /// <param name="chosenMask">[B,T]; a row without tokens averages 0.</param>
    /// <param name="rejectedMask">[B,T]; a row without tokens averages 0.</param>
    [Target("simpo/ranking_agreement")]
    public static Outputs RankingAgreement(Tensor policyChosenLogps, Tensor policyRejectedLogps, Tensor chosenMask, Tensor rejectedMask)
    {
        new PairBatch
        {
            ["policy_chosen_logps"] = policyChosenLogps,
            ["policy_rejected_logps"] = policyRejectedLogps,
            ["chosen_mask"] = chosenMask,
            ["rejected_mask"] = rejectedMask,
        }.RequireShapes(reference: false);
        return new Outputs
        {
            ["agreement"] = PairLosses.Accuracy(Masked.RowMean(policyChosenLogps, chosenMask), Masked.RowMean(policyRejectedLogps, rejectedMask)),
        };
    }

    /// <summary>Best and worst of each prompt's answers, the first on ties: chosen_index, rejected_index [G] int64; kept [G] bool, false where all are equal.</summary>
    /// <param name="rewards">[N] score of each answer.</param>
    /// <param name="groupIds">[N] int; answers of one prompt share an id. Groups are ordered by ascending id.</param>
    [Target("simpo/select_pair")]
    public static Outputs SelectPair(Tensor rewards, Tensor groupIds)
    {
        new Batch().With("rewards", rewards).With("group_ids", groupIds).RequireSameShape("rewards", "group_ids");
        var others = new Groups(groupIds).Members.logical_not();
        var best = rewards.unsqueeze(0).masked_fill(others, double.NegativeInfinity);
        var worst = rewards.unsqueeze(0).masked_fill(others, double.PositiveInfinity);
        return new Outputs
        {
            ["chosen_index"] = best.argmax(1),
            ["rejected_index"] = worst.argmin(1),
            ["kept"] = best.amax([1]).gt(worst.amin([1])),
        };
    }
}
