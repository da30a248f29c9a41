using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DiffusionDpo;

/// <summary>Diffusion-DPO: DPO for diffusion models; the log-ratio of a sample becomes the difference of denoising errors of policy and reference at one random time.</summary>
/// <remarks>
/// Inputs: chosen_target, rejected_target and, of policy and reference, chosen_prediction and rejected_prediction [B,...]; with a time weight also
/// alphas_cumprod [T] and timesteps [B]. Outputs: loss; chosen_rewards, rejected_rewards [B] (without the time weight); implicit_accuracy, policy_error, reference_error [].
/// </remarks>
[Algorithm("diffusion-dpo", Loop.DiffusionPairs, Paper = "2311.12908", Title = "Diffusion Model Alignment Using Direct Preference Optimization")]
[Default("learning_rate", 2.048e-5)]
[Default("warmup_steps", 500)]
public sealed class DiffusionDpo(DiffusionDpoOptions options) : DiffusionPairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>Equation (14): z = -β/2 · w(t) · ((m_w - m_l) - (r_w - r_l)), loss = -log σ(z); m, r are the errors of policy and reference.</summary>
    public override Loss Compute(DiffusionPairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape(
            "chosen_target", "rejected_target", "policy_chosen_prediction", "policy_rejected_prediction", "reference_chosen_prediction", "reference_rejected_prediction");
        var (chosen, rejected) = (Error(batch, "policy", "chosen"), Error(batch, "policy", "rejected"));
        var (referenceChosen, referenceRejected) = (Error(batch, "reference", "chosen").detach(), Error(batch, "reference", "rejected").detach());

        var scale = -0.5 * (batch.Number("beta") ?? options.Beta);
        var z = scale * ((chosen - rejected) - (referenceChosen - referenceRejected));
        if (options.TimeWeight != TimeWeight.None)
        {
            z = z * Weights(batch, z);
        }

        var losses = options.LossType == PairLossKind.Hinge ? PairLosses.Hinge(z) : PairLosses.Logistic(z, options.LabelSmoothing);
        var loss = losses.mean();
        if (options.SftWeight > 0)
        {
            loss += options.SftWeight * chosen.mean();
        }

        return new Loss(loss)
        {
            ["chosen_rewards"] = scale * (chosen.detach() - referenceChosen),
            ["rejected_rewards"] = scale * (rejected.detach() - referenceRejected),
            ["implicit_accuracy"] = Masked.Indicator(z.detach().gt(0), z).mean(),
            ["policy_error"] = 0.5 * (chosen.detach().mean() + rejected.detach().mean()),
            ["reference_error"] = 0.5 * (referenceChosen.mean() + referenceRejected.mean()),
        };
    }

    /// <summary>Labels by two scores: chosen_index [B] is 0 where the first is larger, 1 where the second is, -1 for a tie, which is no pair.</summary>
    /// <param name="firstScores">[B].</param>
    /// <param name="secondScores">[B].</param>
    [Target("diffusion-dpo/label")]
    public static Outputs Label(Tensor firstScores, Tensor secondScores)
    {
        new Batch().With("first_scores", firstScores).With("second_scores", secondScores).RequireSameShape("first_scores", "second_scores");
        var second = secondScores.gt(firstScores).to_type(ScalarType.Int64);
        return new Outputs { ["chosen_index"] = second - secondScores.eq(firstScores).to_type(ScalarType.Int64) };
    }

    /// <summary>[B] squared error; in single precision at least, for the errors compared are nearly equal.</summary>
    private Tensor Error(Batch batch, string model, string side)
    {
        var difference = Wide(batch[$"{model}_{side}_prediction"]) - Wide(batch[$"{side}_target"]).detach();
        var squares = difference.square().reshape(difference.shape[0], -1);
        return options.Reduction == ErrorReduction.Sum ? squares.sum(-1) : squares.mean([-1]);
    }

    private static Tensor Wide(Tensor values) => values.dtype is ScalarType.Float32 or ScalarType.Float64 ? values : values.to_type(ScalarType.Float32);

    /// <summary>[B] w(t) of the pairs' times.</summary>
    private Tensor Weights(Batch batch, Tensor like)
    {
        var (signal, times) = (batch["alphas_cumprod"], batch["timesteps"]);
        batch.RequireSameRows("chosen_target", "timesteps");
        if (times.min().ToInt64() < 0 || times.max().ToInt64() >= signal.shape[0])
        {
            throw new InvalidInputException($"'timesteps' holds {times.min().ToInt64()} to {times.max().ToInt64()}, and the table 'alphas_cumprod' has the times 0 to {signal.shape[0] - 1}");
        }

        var at = signal.index_select(0, times).to_type(like.dtype);
        var ratio = at / (1 - at);
        return options.TimeWeight == TimeWeight.TruncatedSnr ? ratio.clamp_max(options.SnrMax) : ratio;
    }
}
