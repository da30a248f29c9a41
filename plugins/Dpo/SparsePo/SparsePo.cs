using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SparsePo;

/// <summary>SparsePO: token-level DPO in which masks say how much each token's reward and each token's KL count; learned along, or read off the reference's activations.</summary>
/// <remarks>
/// Inputs of both sides: policy and reference logits [B,T,V], tokens, mask, reward_mask and, where it has its own, kl_mask [B,T]. Outputs: loss; losses,
/// chosen_rewards, rejected_rewards, chosen_kl, rejected_kl [B] (KL masked); accuracy, margin, kl (unmasked) and, with masks, sparsity (percent), mean_mask [].
/// </remarks>
[Algorithm("sparsepo", Loop.OfflinePairs, Paper = "2410.05102", Title = "SparsePO: Controlling Preference Alignment of LLMs via Sparse Token Masks")]
[Default("learning_rate", 1e-6)]
[Default("schedule", "cosine")]
public sealed class SparsePo(SparsePoOptions options) : PairObjective, IStatefulObjective
{
    private static readonly string[] Sides = ["chosen", "rejected"];
    private MaskHead? _reward;
    private MaskHead? _kl;
    private Draws _dropout;

    private bool HasMasks => options.MaskOnReward || options.MaskOnKl;

    private bool Common => options.CommonMask || options.Mask == MaskSource.Activation;

    private bool HasRewardMask => options.MaskOnReward || Common;

    /// <inheritdoc/>
    public override Needs Needs => Needs.Logits | Needs.ReferenceLogits | (HasMasks ? Needs.ReferenceHiddenStates : Needs.None);

    /// <inheritdoc/>
    public double? StateLearningRate => options.MaskLearningRate;

    /// <inheritdoc/>
    public double? StateWeightDecay => options.MaskWeightDecay;

    /// <summary>loss = -log σ(β (u_chosen - u_rejected + d_chosen - d_rejected)) + λ |masks|₁, u = Σ m_u log π/π_ref, d = Σ m_d KL(π_ref ‖ π).</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (chosen, rejected) = (SumsOf(batch, "chosen"), SumsOf(batch, "rejected"));
        batch.RequireSameRows("chosen_mask", "rejected_mask");
        var losses = PairLosses.Logistic(options.Beta * (chosen.Reward - rejected.Reward + chosen.Kl - rejected.Kl)) + chosen.Penalty + rejected.Penalty;
        var loss = PairLosses.WithMetrics(losses.mean(), losses, options.Beta * (chosen.Reward - chosen.Kl), options.Beta * (rejected.Reward - rejected.Kl));
        (loss["chosen_kl"], loss["rejected_kl"]) = (chosen.Kl.detach(), rejected.Kl.detach());
        loss["kl"] = (chosen.WholeKl + rejected.WholeKl).detach().mean() / 2;
        if (HasMasks)
        {
            var name = HasRewardMask ? "_reward_mask" : "_kl_mask";
            loss["sparsity"] = Sides.Select(side => TokenMasks.Sparsity(batch[side + name].detach(), batch[side + "_mask"]).mean()).Aggregate((a, b) => (a + b) / 2);
            loss["mean_mask"] = Sides.Select(side => Masked.Mean(batch[side + name].detach(), batch[side + "_mask"])).Aggregate((a, b) => (a + b) / 2);
        }

        return loss;
    }

    /// <summary>u, d, d without mask, and what the masks' norms cost; [B] each.</summary>
    private (Tensor Reward, Tensor Kl, Tensor WholeKl, Tensor Penalty) SumsOf(PairBatch batch, string side)
    {
        var (policy, reference, tokens, mask) = (batch[$"policy_{side}_logits"], batch[$"reference_{side}_logits"], batch[side + "_tokens"], batch[side + "_mask"]);
        batch.RequireSameShape($"policy_{side}_logits", $"reference_{side}_logits");
        new Batch().With("policy_logits", policy.select(-1, 0)).With("tokens", tokens).With("mask", mask).RequireSameShape("policy_logits", "tokens", "mask");
        var (logps, frozen) = (policy.log_softmax(-1), reference.detach().log_softmax(-1));
        var rho = (logps - frozen).take_along_dim(tokens.to_type(ScalarType.Int64).unsqueeze(-1), -1).squeeze(-1);
        var kl = (frozen.exp() * (frozen - logps)).sum(-1);
        // A mask that is switched off is 1 everywhere and costs nothing; a common one that is at work twice would be charged twice.
        var rewardMask = options.MaskOnReward ? TokenMask(batch, side + "_reward_mask", mask) : mask;
        var klMask = options.MaskOnKl ? TokenMask(batch, side + (Common ? "_reward_mask" : "_kl_mask"), mask) : mask;
        var share = Common && options.MaskOnReward && options.MaskOnKl ? 0.5 : 1;
        var penalty = share * (((options.MaskOnReward ? options.L1Reward : 0) * rewardMask.sum(-1)) + ((options.MaskOnKl ? options.L1Kl : 0) * klMask.sum(-1)));
        return (Masked.RowSum(rho, rewardMask), Masked.RowSum(kl, klMask), Masked.RowSum(kl, mask), penalty);
    }

    private static Tensor TokenMask(PairBatch batch, string name, Tensor mask)
    {
        var values = batch[name];
        new Batch().With("mask", mask).With(name, values).RequireSameShape("mask", name);
        return values.lt(0).any().ToBoolean() ? throw new InvalidInputException($"'{name}' has negative values; a mask's are 0 or more") : values * mask;
    }

    /// <inheritdoc/>
    public nn.Module Begin(ICausalModel? policy, Draws draws)
    {
        var heads = new Heads();
        _dropout = draws.Key("dropout");
        if (options.Mask == MaskSource.Learned && HasMasks)
        {
            var model = policy as ILayeredModel ?? throw new PlumblineException($"sparsepo reads hidden states of every layer, and the model {policy?.GetType().Name} does not show them; use a model that is an {nameof(ILayeredModel)}");
            using var still = no_grad();
            using var scope = NewDisposeScope();
            var device = model.Network.parameters().First().device;
            var layers = (int)model.HiddenStates(zeros([1, 1], ScalarType.Int64, device)).shape[0];
            // In float32 whatever the policy's dtype: in a coarser one small updates vanish.
            _reward = !HasRewardMask ? null : MaskHead.In(heads, "reward", layers, model.Width, device, ScalarType.Float32, draws.Key("reward"));
            _kl = Common || !options.MaskOnKl ? null : MaskHead.In(heads, "kl", layers, model.Width, device, ScalarType.Float32, draws.Key("kl"));
        }

        return heads;
    }

    /// <summary>Adds the masks of both sides.</summary>
    public void Prepare(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        foreach (var side in HasMasks ? Sides : [])
        {
            var (hidden, mask) = (batch[$"reference_{side}_hidden_states"], batch[side + "_mask"]);
            var draws = _dropout.Key((long)(batch.Number("step") ?? 0)).Key(side);
            // Of activations there is one tap a layer, all of one kind.
            batch.With(side + "_reward_mask", options.Mask == MaskSource.Learned
                ? Learned(_reward, draws.Key("reward"))
                : TokenMasks.Activation(hidden.to_type(mask.dtype).mean([-1]), zeros([hidden.shape[0]], ScalarType.Int64, hidden.device), mask));
            batch.With(side + "_kl_mask", Learned(_kl, draws.Key("kl")));

            Tensor? Learned(MaskHead? head, Draws own) =>
                head?.Mask(hidden, mask, new LearnedMaskOptions().NormEpsilon, (name, values) => values * Dropout(values, own.Key(name)));
        }
    }

    /// <inheritdoc/>
    public void Finish(Batch batch, Loss loss)
    {
    }

    /// <summary>0 with the probability of the dropout, else what makes up for it.</summary>
    private Tensor Dropout(Tensor like, Draws draws)
    {
        double[] kept = [.. Enumerable.Range(0, (int)like.numel()).Select(i => draws.Key(i).Uniform() < options.MaskDropout ? 0 : 1 / (1 - options.MaskDropout))];
        return tensor(kept, like.shape).to(like.dtype, like.device);
    }

    /// <summary>The heads that train along.</summary>
    private sealed class Heads() : nn.Module(nameof(SparsePo));
}
