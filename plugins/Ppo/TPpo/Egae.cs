using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.TPpo;

/// <summary>Extended generalised advantage estimation: of rows that are finished, and of rows that stopped at a window's end and go on.</summary>
/// <remarks>
/// Inputs: token_rewards, values, mask [N,T]; finished [N] bool; policy_mask [N,T], optional: what is whitened over. In a loop window_start [N] int comes
/// instead: then token masks and value targets are outputs too. Outputs: advantages, returns; with window_start policy_mask, value_mask, value_returns [N,T].
/// </remarks>
[Advantage("t-ppo", Paper = "2506.15050", Title = "Truncated Proximal Policy Optimization")]
public sealed class Egae(EgaeOptions options) : ITokenAdvantage
{
    /// <summary>δ_t = r_t + γ V_{t+1} - V_t, where the state after an unfinished row's last token counts as much as the one before it; A_t = Σ (γλ)ʲ⁻ᵗ δ_j.</summary>
    [Target("t-ppo/egae")]
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var masks = batch.Has("window_start") ? TokenMasks(batch["mask"], batch["window_start"], batch["finished"], options) : null;
        var (estimates, values) = Estimate(batch["token_rewards"], batch["values"], batch["mask"], batch["finished"], options.Lam);
        var outputs = new Outputs
        {
            ["advantages"] = options.WhitenAdvantages ? Whiten(estimates, masks?.Tensor("policy_mask") ?? batch.Find("policy_mask") ?? batch["mask"]) : estimates,
            ["returns"] = (estimates + values) * batch["mask"],
        };
        if (masks is not null)
        {
            outputs["policy_mask"] = masks["policy_mask"];
            outputs["value_mask"] = masks["value_mask"];
            outputs["policy_tokens"] = masks["policy_tokens"];
            outputs["value_tokens"] = masks["value_tokens"];
            outputs["value_returns"] = ValueTargets(batch["token_rewards"], batch["values"], batch["mask"], batch["finished"], options).Tensor("value_returns");
        }

        return outputs;
    }

    /// <summary>Which tokens train what: policy_mask (those decoded since the last update), value_mask (all of finished rows) [N,T], policy_tokens, value_tokens [].</summary>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="windowStart">[N] int: tokens that the row had at the last update.</param>
    /// <param name="finished">[N] bool: the row ended, by its last token or at the longest length.</param>
    /// <param name="options"><c>truncated_tail</c> is read.</param>
    [Target("t-ppo/token_masks")]
    public static Outputs TokenMasks(Tensor mask, Tensor windowStart, Tensor finished, EgaeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("mask", mask).With("window_start", windowStart).With("finished", finished).RequireSameRows("mask", "window_start", "finished");
        if (windowStart.numel() > 0 && windowStart.min().ToInt64() < 0)
        {
            throw new InvalidInputException($"window_start must be >= 0, and one is {windowStart.min().ToInt64()}");
        }

        var place = arange(mask.shape[1], device: mask.device).unsqueeze(0);
        var policy = mask * Masked.Indicator(place.ge(windowStart.unsqueeze(1)), mask);
        if (options.TruncatedTail > 0)
        {
            var kept = place.lt(mask.sum(1, true) - options.TruncatedTail).logical_or(finished.unsqueeze(1));
            policy = policy * Masked.Indicator(kept, mask);
        }

        var value = mask * Masked.Indicator(finished, mask).unsqueeze(1);
        return new Outputs { ["policy_mask"] = policy, ["value_mask"] = value, ["policy_tokens"] = policy.sum(), ["value_tokens"] = value.sum() };
    }

    /// <summary>What the critic should predict: value_returns [N,T], the λ-returns of finished rows; 0 for the others.</summary>
    /// <param name="tokenRewards">[N,T].</param>
    /// <param name="values">[N,T].</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="finished">[N] bool.</param>
    /// <param name="options"><c>gamma</c> and <c>value_lam</c> are read.</param>
    [Target("t-ppo/value_targets")]
    public static Outputs ValueTargets(Tensor tokenRewards, Tensor values, Tensor mask, Tensor finished, EgaeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (estimates, real) = new Egae(options).Estimate(tokenRewards, values, mask, finished, options.ValueLam);
        return new Outputs { ["value_returns"] = (estimates + real) * mask * Masked.Indicator(finished, real).unsqueeze(1) };
    }

    private (Tensor Estimates, Tensor Values) Estimate(Tensor tokenRewards, Tensor values, Tensor mask, Tensor finished, double lam)
    {
        var batch = new Batch().With("token_rewards", tokenRewards).With("values", values).With("mask", mask).With("finished", finished);
        batch.RequireSameShape("token_rewards", "values", "mask");
        batch.RequireSameRows("mask", "finished");
        Masked.RequireTokens(mask);
        var real = values.detach() * mask;
        // The value barely moves over one token, and the state after the cut was never evaluated.
        var after = Masked.Last(mask) * Masked.Indicator(finished.logical_not(), real).unsqueeze(1) * real;
        var delta = (tokenRewards.detach() * mask) + (options.Gamma * (Discounted.Next(real) + after)) - real;
        return (Discounted.ToCome(delta, options.Gamma * lam) * mask, real);
    }

    private static Tensor Whiten(Tensor estimates, Tensor mask) =>
        mask.sum().ToDouble() == 0 ? zeros_like(estimates) : Whitening.Whiten(estimates, mask, new WhiteningOptions());
}
