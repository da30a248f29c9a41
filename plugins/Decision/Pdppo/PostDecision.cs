using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Pdppo;

/// <summary>The advantages of <c>pdppo</c>: returns as they came, before and after the decision, against two critics' values.</summary>
/// <remarks>
/// Inputs: token_rewards, values, post_values, mask [N,T], a row an episode; deterministic_rewards [N,T], the part of a reward that state and action fix, 0
/// where the environment tells none. Outputs: advantages, returns, post_returns [N,T]; scale [].
/// </remarks>
[Advantage("pdppo", Paper = "2504.05150", Title = "Post-Decision Proximal Policy Optimization with Dual Critic Networks")]
public sealed class PostDecision(PostDecisionOptions options) : ITokenAdvantage
{
    private const double ReturnEps = 1e-7;
    private const double AdvantageEps = 1e-8;

    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("token_rewards", "values", "post_values", "mask", "deterministic_rewards");
        var mask = batch["mask"];
        Masked.RequireTokens(mask);
        var kept = mask.reshape(-1).nonzero().reshape(-1);
        var certain = batch.Find("deterministic_rewards") ?? zeros_like(mask);
        var returned = Returns(Kept(batch["token_rewards"]), Kept(Masked.Last(mask)), options, Kept(certain));
        var advantages = Advantages(
            returned.Tensor("returns"), Kept(batch["values"]), Kept(batch["post_values"]), options, Kept(certain) / returned.Tensor("scale")).Tensor("advantages");
        return new Outputs
        {
            ["advantages"] = Spread(advantages), ["returns"] = Spread(returned.Tensor("returns")), ["post_returns"] = Spread(returned.Tensor("post_returns")), ["scale"] = returned["scale"],
        };

        Tensor Kept(Tensor values) => values.reshape(-1).index_select(0, kept);

        Tensor Spread(Tensor values) => zeros_like(mask).reshape(-1).index_copy(0, kept, values).reshape(mask.shape);
    }

    /// <summary>G_t = r_t + γ G_{t+1} within each episode, and G_t less what was earned for certain: returns, post_returns [N]; scale [], what both were divided by.</summary>
    /// <param name="rewards">[N] in the order of time, episode after episode; the last one may be unfinished.</param>
    /// <param name="terminals">[N] 1 at the last step of an episode, else 0.</param>
    /// <param name="options">Discount, and whether to normalise.</param>
    /// <param name="deterministicRewards">[N] the part of each reward that state and action fix; null: 0.</param>
    /// <exception cref="InvalidInputException">Shapes differ, or there are fewer than two rewards.</exception>
    [Target("pdppo/returns")]
    public static Outputs Returns(Tensor rewards, Tensor terminals, ReturnOptions options, Tensor? deterministicRewards = null)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(terminals);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("rewards", rewards).With("terminals", terminals).With("deterministic_rewards", deterministicRewards).RequireSameShape("rewards", "terminals", "deterministic_rewards");
        if (rewards.dim() != 1 || rewards.shape[0] < 2)
        {
            throw new InvalidInputException($"the input 'rewards' has the shape [{string.Join(',', rewards.shape)}], and at least two steps in one row are needed");
        }

        var (sums, ends) = (Numbers(rewards), Numbers(terminals));
        for (var t = sums.Length - 2; t >= 0; t--)
        {
            sums[t] += ends[t] != 0 ? 0 : options.Gamma * sums[t + 1];
        }

        var returns = tensor(sums, device: rewards.device).to_type(rewards.dtype);
        var post = deterministicRewards is null ? returns : returns - deterministicRewards.detach();
        if (!options.Normalize)
        {
            return new Outputs { ["returns"] = returns, ["post_returns"] = post, ["scale"] = ones_like(returns.sum()) };
        }

        var (mean, scale) = (returns.mean(), Deviation(returns) + ReturnEps);
        return new Outputs { ["returns"] = (returns - mean) / scale, ["post_returns"] = (post - mean) / scale, ["scale"] = scale };

        static double[] Numbers(Tensor values) => values.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }

    /// <summary>The return, or what stands for it, less a value: advantages [N].</summary>
    /// <param name="returns">[N].</param>
    /// <param name="values">[N] v, of the states before the decisions.</param>
    /// <param name="postValues">[N] p, of the states after them.</param>
    /// <param name="options">Which value, and whether to standardise.</param>
    /// <param name="deterministicRewards">[N] in the units of the returns; for post_decision and blend.</param>
    [Target("pdppo/advantages")]
    public static Outputs Advantages(Tensor returns, Tensor values, Tensor postValues, PostDecisionOptions options, Tensor? deterministicRewards = null)
    {
        ArgumentNullException.ThrowIfNull(returns);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(postValues);
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("returns", returns).With("values", values).With("post_values", postValues).With("deterministic_rewards", deterministicRewards);
        batch.RequireSameShape("returns", "values", "post_values", "deterministic_rewards");
        var (v, p) = (values.detach(), postValues.detach());
        var advantages = options.Advantage switch
        {
            PostDecisionAdvantage.Max => returns - v.maximum(p),
            PostDecisionAdvantage.State => returns - v,
            PostDecisionAdvantage.Post => returns - p,
            PostDecisionAdvantage.PostDecision => batch["deterministic_rewards"] + p - v,
            PostDecisionAdvantage.Blend => (options.Blend * (batch["deterministic_rewards"] + p - v)) + ((1 - options.Blend) * (returns - v)),
            _ => returns - v.minimum(p),
        };
        return new Outputs { ["advantages"] = (options.Standardize ? (advantages - advantages.mean()) / (Deviation(advantages) + AdvantageEps) : advantages).detach() };
    }

    private static Tensor Deviation(Tensor values) => ((values - values.mean()).square().sum() / Math.Max(values.shape[0] - 1, 1)).sqrt();
}
