namespace Plumbline.Training;

/// <summary>The clipped policy gradient with a bounded estimate of the divergence from the reference, both as means over the batch's tokens.</summary>
public static class ClippedPolicyLoss
{
    /// <summary>mean max(-A ρ, -A clip(ρ, 1-c, 1+c)) + β · mean clip(K3(log π - log ref), -C, C).</summary>
    /// <param name="batch">logps, reference_logps, mask [N,T]; old_logps, absent where the sample is the current policy's; advantages [N] or [N,T].</param>
    /// <param name="clipRange">c.</param>
    /// <param name="beta">β.</param>
    /// <param name="klClamp">C.</param>
    /// <returns>The loss; policy_loss, kl, clip_fraction (the share of tokens where clipping changed the value).</returns>
    /// <exception cref="InvalidInputException">Shapes differ (<c>shape</c>), or no token counts (<c>mask</c>).</exception>
    public static Loss Of(GroupBatch batch, double clipRange, double beta, double klClamp)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask", "old_logps", "reference_logps");
        batch.RequireSameRows("logps", "advantages");
        Masked.RequireTokens(batch.Mask);
        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var advantages = (batch.Advantages.dim() == 1 ? batch.Advantages.unsqueeze(1) : batch.Advantages).detach();
        var (free, clipped) = (-advantages * ratio, -advantages * ratio.clamp(1 - clipRange, 1 + clipRange));
        var policy = Masked.Mean(free.maximum(clipped), batch.Mask);
        var clipFraction = Masked.Mean(Masked.Indicator(clipped.gt(free), ratio).detach(), batch.Mask);
        if (batch.Find("reference_logps") is not { } reference)
        {
            // A weight of 0 needs no reference.
            return beta == 0 ? new Loss(policy) { ["policy_loss"] = policy.detach(), ["clip_fraction"] = clipFraction }
                : throw new InvalidInputException("the input 'reference_logps' is missing, and beta is not 0");
        }

        var kl = Masked.Mean(KlEstimates.K3((batch.Logps - reference.detach()) * batch.Mask).clamp(-klClamp, klClamp), batch.Mask);
        return new Loss(policy + (beta * kl)) { ["policy_loss"] = policy.detach(), ["kl"] = kl.detach(), ["clip_fraction"] = clipFraction };
    }
}
