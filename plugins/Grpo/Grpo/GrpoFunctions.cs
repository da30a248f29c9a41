using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Grpo;

/// <summary>The paper's other formulas, each pure.</summary>
public static class GrpoFunctions
{
    /// <summary>KL(π || π_ref) from samples of π: loss [] (the mean over tokens), per_token [N,T].</summary>
    /// <param name="logps">[N,T] under the policy.</param>
    /// <param name="referenceLogps">[N,T] under the reference; a constant.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="options">Estimator and bound.</param>
    [Target("grpo/kl")]
    public static Loss Kl(Tensor logps, Tensor referenceLogps, Tensor mask, KlOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("mask", mask).RequireSameShape("logps", "reference_logps", "mask");
        var d = (logps - referenceLogps.detach()) * mask;
        var kl = options.Estimator switch
        {
            KlEstimator.K1 => KlEstimates.K1(d),
            KlEstimator.K2 => KlEstimates.K2(d),
            KlEstimator.Abs => KlEstimates.Abs(d),
            _ => KlEstimates.K3(d),
        };
        kl = options.Clamp is { } bound ? kl.clamp(-bound, bound) : kl;
        return new Loss(Masked.Mean(kl, mask)) { ["per_token"] = (kl * mask).detach() };
    }

    /// <summary>Entropy of softmax(logits/temperature), nats: entropies [N,T] (0 where masked), entropy [] (their mean), loss = -entropy.</summary>
    /// <param name="policyLogits">[N,T,V].</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="options">Temperature.</param>
    [Target("grpo/entropy")]
    public static Loss Entropy(Tensor policyLogits, Tensor mask, EntropyOptions options)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(options);
        var logp = (policyLogits / options.Temperature).log_softmax(-1);
        var entropies = -(logp.exp() * logp).sum(-1);
        new Batch().With("policy_logits", entropies).With("mask", mask).RequireSameShape("policy_logits", "mask");
        var entropy = Masked.Mean(entropies, mask);
        return new Loss(-entropy) { ["entropies"] = (entropies * mask).detach(), ["entropy"] = entropy.detach() };
    }

    /// <summary>Process supervision (section 4.1.3): a token's advantage is the sum of the normalised rewards of its own step and all later ones.</summary>
    /// <param name="stepRewards">[N,S].</param>
    /// <param name="stepMask">[N,S] 1 where a step is, else 0.</param>
    /// <param name="stepIds">[N,T] int; the step of each token, -1 where none.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="options">What divides.</param>
    /// <returns>advantages [N,T], normalised_step_rewards [N,S].</returns>
    [Target("grpo/process_advantages")]
    public static Outputs ProcessAdvantages(Tensor stepRewards, Tensor stepMask, Tensor stepIds, Tensor mask, Tensor groupIds, ProcessAdvantageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("step_rewards", stepRewards).With("step_mask", stepMask).With("step_ids", stepIds).With("mask", mask).With("group_ids", groupIds);
        batch.RequireSameShape("step_rewards", "step_mask");
        batch.RequireSameShape("step_ids", "mask");
        batch.RequireSameRows("step_rewards", "mask", "group_ids");
        var steps = stepRewards.shape[1];
        if (stepIds.max().ToInt64() >= steps)
        {
            throw new InvalidInputException($"'step_ids' names step {stepIds.max().ToInt64()}, and 'step_rewards' has {steps} steps");
        }

        // Every step of every completion of a group is one observation.
        var groups = new Groups(groupIds.unsqueeze(1).expand_as(stepRewards).flatten());
        var (mean, std, _) = groups.Statistics(stepRewards.flatten(), stepMask.flatten(), options.StdDdof);
        var z = ((stepRewards - groups.Spread(mean).view_as(stepRewards)) / (groups.Spread(std).view_as(stepRewards) + options.StdEpsilon)) * stepMask;
        var toCome = z.flip(1).cumsum(1).flip(1);
        var advantages = toCome.gather(1, stepIds.clamp_min(0)) * Masked.Indicator(stepIds.ge(0), z) * mask;
        return new Outputs { ["advantages"] = advantages, ["normalised_step_rewards"] = z };
    }
}
