using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>The completion's score at its last token, and a penalty for leaving the reference at each (arXiv 1909.08593).</summary>
/// <remarks>
/// Inputs: rewards [N]; old_logps, reference_logps, mask [N,T]; has_eos [N] bool, read with <c>missing_eos_penalty</c> only; kl_coef, a number that
/// takes the option's place. Outputs: token_rewards, kl [N,T], mean_kl [] in nats a completion, never a token. A row without tokens stays 0.
/// </remarks>
[TokenReward("kl-penalty", Paper = "1909.08593", Title = "Fine-Tuning Language Models from Human Preferences")]
public sealed class KlPenalty(KlPenaltyOptions options) : ITokenReward
{
    /// <inheritdoc/>
    public bool NeedsReference => options.KlCoef > 0;

    /// <inheritdoc/>
    public double KlCoef => options.KlCoef;

    /// <inheritdoc/>
    [Target("ppo/token_rewards")]
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "old_logps", "reference_logps");
        batch.RequireSameRows("mask", "rewards", "has_eos");
        var mask = batch["mask"];
        Masked.RequireTokens(mask);
        var kl = Estimate((batch["old_logps"] - batch["reference_logps"]).detach() * mask) * mask;
        var penalty = kl * -(batch.Number("kl_coef") ?? options.KlCoef);
        return new Outputs
        {
            ["token_rewards"] = penalty + (Score(batch).unsqueeze(1) * Masked.Last(mask)),
            ["kl"] = kl,
            ["mean_kl"] = kl.sum(1).mean(),
        };
    }

    private Tensor Estimate(Tensor d) => options.KlEstimator switch
    {
        KlPenaltyEstimator.K3 => KlEstimates.K3(d),
        KlPenaltyEstimator.Abs => KlEstimates.Abs(d),
        KlPenaltyEstimator.Mse => KlEstimates.K2(d),
        _ => KlEstimates.K1(d),
    };

    private Tensor Score(Batch batch)
    {
        var score = batch["rewards"].detach();
        if (options.ScoreClip is { } clip)
        {
            score = score.clamp(-clip, clip);
        }

        return options.MissingEosPenalty is { } penalty
            ? score - (penalty * Masked.Indicator(batch["has_eos"].logical_not(), score)) : score;
    }
}
