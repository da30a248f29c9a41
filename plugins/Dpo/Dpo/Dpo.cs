using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Dpo;

/// <summary>DPO: preference pairs by one classification loss; the policy against a frozen reference is the reward model.</summary>
/// <remarks>Inputs: policy, reference and mask of both sides. Outputs: loss; losses (without the sft term), chosen_rewards, rejected_rewards [B]; accuracy, margin [].</remarks>
[Algorithm("dpo", Loop.OfflinePairs, Paper = "2305.18290", Title = "Direct Preference Optimization: Your Language Model is Secretly a Reward Model")]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 1e-6)]
[Default("warmup_steps", 150)]
[Default("max_grad_norm", 10.0)]
public sealed class Dpo(DpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => options.ReferenceFree ? Needs.None : Needs.Reference;

    /// <summary>Equation (7): z = β (S_chosen - S_rejected), loss = -log σ(z), S = Σ_t log π/π_ref.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: !options.ReferenceFree);
        var chosen = LogRatio(batch.PolicyChosenLogps, batch.Find("reference_chosen_logps"), batch.ChosenMask);
        var rejected = LogRatio(batch.PolicyRejectedLogps, batch.Find("reference_rejected_logps"), batch.RejectedMask);

        var z = options.Beta * (chosen - rejected);
        var losses = PairLosses.Logistic(z, options.LabelSmoothing);
        var loss = losses.mean();
        if (options.SftWeight > 0)
        {
            loss += options.SftWeight * Masked.NegativeLogLikelihood(batch.PolicyChosenLogps, batch.ChosenMask);
        }

        return PairLosses.WithMetrics(loss, losses, options.Beta * chosen, options.Beta * rejected);
    }

    private Tensor LogRatio(Tensor policy, Tensor? reference, Tensor mask)
    {
        var tokens = options.ReferenceFree ? policy : policy - reference!.detach();
        return options.LengthNormalized ? Masked.RowMean(tokens, mask) : Masked.RowSum(tokens, mask);
    }

    /// <summary>The reward a policy implies, β log π/π_ref: token_rewards [N,T], rewards [N].</summary>
    /// <param name="logps">[N,T] under the policy.</param>
    /// <param name="referenceLogps">[N,T] under the reference.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options"><c>beta</c> is read.</param>
    [Target("dpo/implicit_reward")]
    public static Outputs ImplicitReward(Tensor logps, Tensor referenceLogps, Tensor mask, DpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("mask", mask).RequireSameShape("logps", "reference_logps", "mask");
        var tokens = options.Beta * (logps - referenceLogps) * mask;
        return new Outputs { ["token_rewards"] = tokens, ["rewards"] = tokens.sum(-1) };
    }

    /// <summary>How well rewards rank pairs: accuracy (a tie counts as wrong), margin, chosen_reward, rejected_reward; means, [] each.</summary>
    /// <param name="chosenRewards">[B].</param>
    /// <param name="rejectedRewards">[B].</param>
    [Target("dpo/metrics")]
    public static Outputs Metrics(Tensor chosenRewards, Tensor rejectedRewards)
    {
        new Batch().With("chosen_rewards", chosenRewards).With("rejected_rewards", rejectedRewards).RequireSameShape("chosen_rewards", "rejected_rewards");
        return new Outputs
        {
            ["accuracy"] = PairLosses.Accuracy(chosenRewards, rejectedRewards),
            ["margin"] = (chosenRewards - rejectedRewards).mean(),
            ["chosen_reward"] = chosenRewards.mean(),
            ["rejected_reward"] = rejectedRewards.mean(),
        };
    }

    /// <summary>Equation (4): π*(y|x) = π_ref(y|x) exp(r/β) / Z(x), over the candidates at hand: probabilities, log_partition [N].</summary>
    /// <param name="referenceSequenceLogps">[N] log-probability of each whole candidate; normalised within its group here.</param>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int; candidates of one prompt share an id.</param>
    /// <param name="options"><c>beta</c> is read.</param>
    [Target("dpo/optimal_policy")]
    public static Outputs OptimalPolicy(Tensor referenceSequenceLogps, Tensor rewards, Tensor groupIds, DpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("reference_sequence_logps", referenceSequenceLogps).With("rewards", rewards).With("group_ids", groupIds)
            .RequireSameShape("reference_sequence_logps", "rewards", "group_ids");
        var groups = new Groups(groupIds);
        var reference = referenceSequenceLogps - groups.Spread(groups.LogSumExp(referenceSequenceLogps));
        var tilted = reference + (rewards / options.Beta);
        var logPartition = groups.Spread(groups.LogSumExp(tilted));
        return new Outputs { ["probabilities"] = (tilted - logPartition).exp(), ["log_partition"] = logPartition };
    }
}
