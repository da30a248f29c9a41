using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Grpo;

/// <summary>GRPO: a clipped policy gradient without a critic; each completion is compared with its group.</summary>
/// <remarks>
/// Inputs: logps, mask [N,T]; advantages [N] or [N,T]; old_logps, absent on the first update, where the ratio is exactly 1; reference_logps where
/// beta &gt; 0; entropies where an option reads them; truncated [N] bool. Outputs: loss, kl, ratio_mean, clip_ratio_low, clip_ratio_high,
/// clip_ratio_region, and entropy where entropies came.
/// </remarks>
[Algorithm("grpo", Loop.OnlineGroups, Paper = "2402.03300", Title = "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models")]
[Default("learning_rate", 1e-6)]
public sealed class Grpo(GrpoOptions options) : GroupObjective
{
    private bool ReadsEntropies => options.TopEntropyQuantile < 1 || options.EntropyCoef != 0;

    /// <inheritdoc/>
    public override Needs Needs => (options.Beta > 0 ? Needs.Reference : Needs.None) | (ReadsEntropies ? Needs.Entropies : Needs.None);

    /// <summary>A weight of 0 leaves out what it weighs (the reference, the entropies), so a controller can't steer it: let it begin above 0.</summary>
    public override IReadOnlyDictionary<string, double> Coefficients =>
        new Dictionary<string, double> { ["beta"] = options.Beta, ["entropy_coef"] = options.EntropyCoef }.Where(pair => pair.Value != 0).ToDictionary();

    /// <summary>Equation (3): -min(ρ A, clip(ρ) A) + β KL at each token, reduced over the group's completions.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Check(batch);
        var mask = Mask(batch);
        var advantages = batch.Advantages.dim() == 1 ? batch.Advantages.unsqueeze(1) : batch.Advantages;

        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, mask, options.ImportanceSamplingLevel);
        var per = ClippedSurrogate.PerToken(ratio, advantages, options.EpsilonLow, options.High, options.Delta);
        var learns = LearningTokens(batch, mask);
        if (learns is not null)
        {
            per = per * learns;
        }

        var kl = zeros_like(batch.Logps);
        if (options.Beta > 0)
        {
            kl = KlEstimates.K3((batch.Logps - batch.ReferenceLogps.detach()) * mask);
            kl = options.UseBiasCorrectionKl ? kl * ratio : kl;
            per = per + ((batch.Number("beta") ?? options.Beta) * kl);
        }

        var loss = TokenReduction.Reduce(per, mask, options.LossType, options.NumItemsInBatch, options.MaxCompletionLength);
        if (options.EntropyCoef != 0)
        {
            loss -= (batch.Number("entropy_coef") ?? options.EntropyCoef) * Entropy(batch.Entropies, mask, learns);
        }

        return WithMetrics(loss, batch, ratio.detach(), advantages, mask, kl.detach());
    }

    private static void Check(GroupBatch batch)
    {
        batch.RequireSameShape("mask", "logps", "old_logps", "reference_logps", "entropies");
        batch.RequireSameRows("logps", "advantages", "truncated");
        if (batch.Advantages.dim() == 2)
        {
            batch.RequireSameShape("logps", "advantages");
        }
    }

    private Tensor Mask(GroupBatch batch) => options.MaskTruncatedCompletions
        ? batch.Mask * Masked.Indicator(batch["truncated"].logical_not(), batch.Mask).unsqueeze(1) : batch.Mask;

    /// <summary>1 where the entropy is among the highest; null: every token learns. Ties enter; padding never does.</summary>
    private Tensor? LearningTokens(GroupBatch batch, Tensor mask)
    {
        if (options.TopEntropyQuantile >= 1)
        {
            return null;
        }

        var entropies = batch.Entropies.detach();
        var real = entropies.masked_select(mask.gt(0));
        return real.numel() == 0 ? mask
            : Masked.Indicator(entropies.ge(real.quantile(tensor(1 - options.TopEntropyQuantile, real.dtype, real.device))), mask);
    }

    /// <summary>The mean entropy of the tokens that learn; with dapo over the loss's own normaliser, so that micro-batches add up.</summary>
    private Tensor Entropy(Tensor entropies, Tensor mask, Tensor? learns) => options.LossType == TokenReductionKind.Dapo
        ? TokenReduction.Reduce(learns is null ? entropies : entropies * learns, mask, options.LossType, options.NumItemsInBatch)
        : Masked.Mean(entropies, learns is null ? mask : mask * learns);

    private Loss WithMetrics(Tensor loss, GroupBatch batch, Tensor ratio, Tensor advantages, Tensor mask, Tensor kl)
    {
        var (low, high, region) = ClippedSurrogate.ClipRatios(ratio, advantages, mask, options.EpsilonLow, options.High);
        var result = new Loss(loss)
        {
            ["kl"] = Masked.Mean(kl, mask),
            ["ratio_mean"] = Masked.Mean(ratio, mask),
            ["clip_ratio_low"] = low,
            ["clip_ratio_high"] = high,
            ["clip_ratio_region"] = region,
        };
        if (batch.Find("entropies") is { } entropies)
        {
            result["entropy"] = Masked.Mean(entropies.detach(), mask);
        }

        return result;
    }
}
