using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RDpo;

/// <summary>Robust DPO (rDPO): labels were flipped at a known rate; the loss is an unbiased estimate of the one on clean labels.</summary>
/// <remarks>
/// Differs from conservative DPO (dpo's label_smoothing) in the sign of the swapped term, so that the noise is taken out and not added once more.
/// Inputs: policy, reference and mask of both sides. Outputs: loss; losses, weights, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("rdpo", Loop.OfflinePairs, Paper = "2403.00409", Title = "Provably Robust DPO: Aligning Language Models with Noisy Feedback")]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 1e-6)]
[Default("warmup_steps", 150)]
[Default("max_grad_norm", 10.0)]
public sealed class RDpo(RDpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>loss = mean ((1-ε) l(+) - ε l(-)) / (1 - 2ε), l(+) of the observed order, l(-) of the swapped one. It has no lower bound.</summary>
    public override Loss Compute(PairBatch batch)
    {
        var (chosen, rejected) = PairLogRatios.Of(batch);
        var margin = chosen - rejected;
        var h = options.Beta * margin;
        var losses = options.Loss switch
        {
            OrderLoss.Hinge => WithoutFlips(PairLosses.Hinge(h), PairLosses.Hinge(-h), options),
            OrderLoss.Ipo => WithoutFlips(PairLosses.Squared(margin, 1 / (2 * options.Beta)), PairLosses.Squared(-margin, 1 / (2 * options.Beta)), options),
            _ => WithoutFlips(PairLosses.Logistic(h), PairLosses.Logistic(-h), options),
        };
        var loss = PairLosses.WithMetrics(losses.mean(), losses, options.Beta * chosen, options.Beta * rejected);
        // What the gradient of each pair is scaled by (sigmoid): never below ε/(1 - 2ε), so confidence in a label doesn't silence it.
        loss["weights"] = (((1 - options.FlipRate) * (-h).sigmoid()) + (options.FlipRate * h.sigmoid())).detach() / (1 - (2 * options.FlipRate));
        return loss;
    }

    /// <summary>The estimate of the loss on clean labels: its mean over flips is l(+).</summary>
    internal static Tensor WithoutFlips(Tensor observed, Tensor swapped, RDpoOptions options) =>
        (((1 - options.FlipRate) * observed) - (options.FlipRate * swapped)) / (1 - (2 * options.FlipRate));

    /// <summary>Which labels to flip, for experiments with noise: flipped [B] bool. The transform <c>flip-labels</c> does it to data.</summary>
    /// <param name="uniforms">[B] in [0,1).</param>
    /// <param name="options"><c>flip_rate</c> is read.</param>
    [Target("rdpo/flip_labels")]
    public static Outputs FlipLabels(Tensor uniforms, RDpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(uniforms);
        ArgumentNullException.ThrowIfNull(options);
        return new Outputs { ["flipped"] = uniforms.lt(options.FlipRate) };
    }
}

/// <summary>The same correction for a model of rewards.</summary>
/// <remarks>Inputs: chosen_scores, rejected_scores [B]. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].</remarks>
[Objective("rdpo-reward-model", Paper = "2403.00409", Title = "Provably Robust DPO: Aligning Language Models with Noisy Feedback")]
public sealed class RDpoRewardModel(RDpoOptions options) : PreferenceModelObjective
{
    /// <inheritdoc/>
    public override Loss Compute(PreferenceModelBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return RewardModel(batch.ChosenScores, batch.RejectedScores, options);
    }

    /// <summary>The unbiased logistic loss of the difference of two scores: loss []; losses [B].</summary>
    /// <param name="chosenScores">[B].</param>
    /// <param name="rejectedScores">[B].</param>
    /// <param name="options"><c>flip_rate</c> is read.</param>
    [Target("rdpo/reward_model")]
    public static Loss RewardModel(Tensor chosenScores, Tensor rejectedScores, RDpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("chosen_scores", chosenScores).With("rejected_scores", rejectedScores).RequireSameShape("chosen_scores", "rejected_scores");
        var h = chosenScores - rejectedScores;
        var losses = RDpo.WithoutFlips(PairLosses.Logistic(h), PairLosses.Logistic(-h), options);
        return PairLosses.WithMetrics(losses.mean(), losses, chosenScores, rejectedScores);
    }
}
