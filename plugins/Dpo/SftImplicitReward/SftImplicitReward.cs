using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SftImplicitReward;

/// <summary>SFT as implicit reward learning: demonstrations matched in an f-divergence that keeps the pull towards the model before it.</summary>
/// <remarks>Inputs: logps, reference_logps, mask [N,T]. Outputs: loss; token_rewards [N,T], rewards [N], weights ([N,T], or [N] at level sequence), divergence [] (mean log π/π_ref of a demonstration).</remarks>
[Algorithm("sft-implicit-reward", Loop.Sft, Paper = "2507.00018", Title = "Implicit Reward as the Bridge: A Unified View of SFT and DPO Connections")]
[Default("learning_rate", 5e-6)]
[Default("schedule", "cosine")]
public sealed class SftImplicitReward(SftImplicitRewardOptions options) : SequenceObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>loss = -E_D φ(r), where r = β log π/π_ref; the gradient is SFT's, each token (or demonstration) weighted by φ'(r).</summary>
    public override Loss Compute(SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask", "reference_logps");
        Masked.RequireTokens(batch.Mask);
        var tokenRewards = options.Beta * (batch.Logps - batch.ReferenceLogps.detach()) * batch.Mask;
        var rewards = tokenRewards.sum(-1);
        var perToken = options.Level == RewardLevel.Token;
        var (phi, slope) = Conjugate(perToken ? tokenRewards : rewards);
        return new Loss(-(perToken ? Masked.Mean(phi, batch.Mask) : phi.mean()))
        {
            ["token_rewards"] = tokenRewards.detach(),
            ["rewards"] = rewards.detach(),
            ["weights"] = (perToken ? slope * batch.Mask : slope).detach(),
            ["divergence"] = rewards.detach().mean() / options.Beta,
        };
    }

    /// <summary>φ and φ'; where φ is singular further down, its tangent below the floor.</summary>
    private (Tensor Phi, Tensor Slope) Conjugate(Tensor x) => options.Divergence switch
    {
        Divergence.PearsonChi2 => (x - (x.square() / 4), 1 - (x / 2)),
        Divergence.SquaredHellinger => Continued(x, y => y / (1 + y), y => (1 + y).pow(-2)),
        Divergence.JensenShannon => Continued(x, y => (2 - (-y).exp()).log(), y => 1 / ((2 * y.exp()) - 1)),
        Divergence.ReverseKl => (-(-(x + 1)).exp(), (-(x + 1)).exp()),
        _ => (x, ones_like(x)),
    };

    private (Tensor Phi, Tensor Slope) Continued(Tensor x, Func<Tensor, Tensor> phi, Func<Tensor, Tensor> slope)
    {
        // Within the domain everywhere, so that the branch not taken has a finite gradient too.
        var y = x.clamp_min(options.Floor);
        var at = slope(y);
        return (where(x.lt(options.Floor), phi(y) + (at.detach() * (x - options.Floor)), phi(y)), at);
    }

    /// <summary>Logits as Q-values: values V = β log Σ exp(logits/β), q_values, advantages Q - V [N,T]; mean_values [N], 0 for a row without tokens.</summary>
    /// <param name="policyLogits">[N,T,V] before each token.</param>
    /// <param name="tokens">[N,T] int, the tokens taken.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">The scale.</param>
    [Target("sft-implicit-reward/state_value")]
    public static Outputs StateValue(Tensor policyLogits, Tensor tokens, Tensor mask, StateValueOptions options)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(options);
        var taken = policyLogits.take_along_dim(tokens.to_type(ScalarType.Int64).unsqueeze(-1), -1).squeeze(-1);
        new Batch().With("policy_logits", taken).With("tokens", tokens).With("mask", mask).RequireSameShape("policy_logits", "tokens", "mask");
        var values = options.Beta * (policyLogits / options.Beta).logsumexp(-1) * mask;
        var q = taken * mask;
        return new Outputs { ["values"] = values, ["q_values"] = q, ["advantages"] = (q - values) * mask, ["mean_values"] = Masked.RowMean(values, mask) };
    }

    /// <summary>r_t = β log π/π_ref + V_t - V_{t+1}: token_rewards [N,T], and returns [N], which telescope to the first value plus the implicit rewards.</summary>
    /// <param name="logps">[N,T] under the policy.</param>
    /// <param name="referenceLogps">[N,T] under the reference.</param>
    /// <param name="values">[N,T] of the states before each token.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">The scale.</param>
    [Target("sft-implicit-reward/shaped_reward")]
    public static Outputs ShapedReward(Tensor logps, Tensor referenceLogps, Tensor values, Tensor mask, StateValueOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("values", values).With("mask", mask)
            .RequireSameShape("logps", "reference_logps", "values", "mask");
        var now = values * mask;
        var next = cat([now.narrow(1, 1, now.shape[1] - 1), zeros_like(now.narrow(1, 0, 1))], 1);
        var rewards = ((options.Beta * (logps - referenceLogps)) + now - next) * mask;
        return new Outputs { ["token_rewards"] = rewards, ["returns"] = rewards.sum(-1) };
    }

    /// <summary>The remedy by the learning rate alone: a warm-up, then half a cosine, both from a lowered peak; rates [total_steps].</summary>
    /// <param name="totalSteps">Steps.</param>
    /// <param name="options">Peak, factor and warm-up.</param>
    [Target("sft-implicit-reward/learning_rates")]
    public static Outputs LearningRates(int totalSteps, LearningRatesOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var warmup = (int)Math.Ceiling(options.WarmupRatio * totalSteps);
        var peak = options.LearningRate * options.Factor;
        return new Outputs { ["rates"] = tensor(Enumerable.Range(0, totalSteps).Select(Rate).ToArray()) };

        double Rate(int step) => step < warmup
            ? peak * (step + 1) / warmup
            : peak * (1 + Math.Cos(Math.PI * (step - warmup) / Math.Max(1, totalSteps - warmup))) / 2;
    }
}
