namespace Plumbline.Training;

/// <summary>Generalised advantage estimation over the tokens of a completion (arXiv 1506.02438).</summary>
/// <remarks>
/// Inputs: token_rewards, values (of the state before each token, recorded while sampling), mask [N,T]; last_values [N], of the state after a row's last
/// step where it is no end (without it 0). Outputs: advantages, returns [N,T].
/// </remarks>
[Advantage("gae", Paper = "1506.02438", Title = "High-Dimensional Continuous Control Using Generalized Advantage Estimation")]
public sealed class Gae(GaeOptions options) : ITokenAdvantage
{
    /// <inheritdoc/>
    [Target("ppo/gae")]
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("token_rewards", "values", "mask");
        var mask = batch["mask"];
        Masked.RequireTokens(mask);
        // A padded value must not leak into the delta of the last real token.
        var values = batch["values"] * mask;
        var rewards = batch["token_rewards"] * mask;
        if (options.WhitenRewards)
        {
            rewards = Whitening.Whiten(rewards, mask, new WhiteningOptions { ShiftMean = false });
        }

        // δ_t = r_t + γ v_{t+1} - v_t;  A_t = δ_t + γ λ A_{t+1};  both end with 0, or v with what comes after a row that was cut short.
        var next = Discounted.Next(values);
        if (batch.Find("last_values") is { } last)
        {
            batch.RequireSameRows("values", "last_values");
            next += last.unsqueeze(1) * Masked.Last(mask);
        }

        var delta = rewards + (options.Gamma * next) - values;
        var estimates = Discounted.ToCome(delta, options.Gamma * options.Lam);
        var returns = (estimates + values) * mask;
        var advantages = options.WhitenAdvantages ? Whitening.Whiten(estimates, mask, new WhiteningOptions()) : estimates * mask;
        return new Outputs { ["advantages"] = advantages, ["returns"] = returns };
    }
}
