using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Sppo;

/// <summary>SPPO: self-play by multiplicative weights; each answer's log-ratio is regressed onto its own win rate against the policy that sampled it.</summary>
/// <remarks>
/// Inputs: policy, reference and mask of both sides; chosen_win_rates and rejected_win_rates [B], or chosen_probs [B] for <c>single</c>.
/// Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("sppo", Loop.SelfPlay, Paper = "2405.00675", Title = "Self-Play Preference Optimization for Language Model Alignment")]
[Default("iterations", 3)]
[Default("sampler.group_size", 5)]
[Default("sampler.temperature", 0.7)]
[Default("sampler.top_p", 0.9)]
[Default("reset_optimizer", true)]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 5e-7)]
[Default("schedule", "linear")]
[Default("reference_refresh", "phase")]
[Default("split_prompts", true)]
public sealed class Sppo(SppoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => options.Variant switch
    {
        SppoVariant.Score => [new("chosen_win_rates"), new("rejected_win_rates")],
        SppoVariant.Single => [new("chosen_probs")],
        _ => [],
    };

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["eta"] = options.Eta };

    /// <summary>((S_c - η(p_c - 1/2))² + (S_r - η(p_r - 1/2))²) / 2, S = Σ_t log π/π_t; log Z is taken to be η/2.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var eta = batch.Number("eta") ?? options.Eta;
        var (chosen, rejected) = PairLogRatios.Of(batch);
        var (better, worse) = options.Variant switch
        {
            SppoVariant.Score => (Rates(batch, "chosen_win_rates", chosen), Rates(batch, "rejected_win_rates", chosen)),
            SppoVariant.Single => (Rates(batch, "chosen_probs", chosen), 1 - Rates(batch, "chosen_probs", chosen)),
            _ => (ones_like(chosen.detach()), zeros_like(chosen.detach())),
        };
        var losses = ((chosen - (eta * (better - 0.5))).square() + (rejected - (eta * (worse - 0.5))).square()) / 2;
        return PairLosses.WithMetrics(losses.mean(), losses, chosen / eta, rejected / eta);
    }

    private static Tensor Rates(PairBatch batch, string name, Tensor like)
    {
        var rates = batch[name].detach();
        new Batch().With(name, rates).With("log-ratios", like).RequireSameShape(name, "log-ratios");
        Preferences.RequireProbabilities(rates, name);
        return rates;
    }

    /// <summary>The objective over all sampled answers, (S_i - (η w_i - log Z))²: loss []; targets, log_z [N].</summary>
    /// <param name="logps">[N,T] policy.</param>
    /// <param name="referenceLogps">[N,T] the policy that sampled.</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="winRates">[N] against the group.</param>
    /// <param name="groupIds">[N] answers of one prompt share an id.</param>
    /// <param name="options">η and log Z.</param>
    [Target("sppo/list")]
    public static Loss List(Tensor logps, Tensor referenceLogps, Tensor mask, Tensor winRates, Tensor groupIds, SppoListOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(winRates);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("mask", mask).RequireSameShape("logps", "reference_logps", "mask");
        new Batch().With("win_rates", winRates).With("group_ids", groupIds).RequireSameShape("win_rates", "group_ids");
        new Batch().With("win_rates", winRates).With("logps", logps).RequireSameRows("win_rates", "logps");
        Preferences.RequireProbabilities(winRates, "win_rates");
        var weights = options.Eta * winRates.detach();
        var groups = new Groups(groupIds);
        var logZ = options.LogZ == SppoLogZ.Half ? full_like(weights, options.Eta / 2)
            : groups.Spread(groups.LogSumExp(weights) - groups.Sum(ones_like(weights)).log());
        var targets = weights - logZ;
        var loss = (Masked.RowSum(logps - referenceLogps.detach(), mask) - targets).square().mean();
        return new Loss(loss) { ["targets"] = targets, ["log_z"] = logZ };
    }

    /// <summary>One step of multiplicative weights on a finite set of answers, π exp(η Pπ) normalised: win_rates, policy [G,M].</summary>
    /// <param name="policy">[G,M] probabilities.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="options">η.</param>
    [Target("sppo/update")]
    public static Outputs Update(Tensor policy, Tensor preferences, SppoUpdateOptions options)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preferences);
        var rates = Preferences.Against(preferences, policy);
        return new Outputs { ["win_rates"] = rates, ["policy"] = (policy.log() + (options.Eta * rates)).softmax(-1) };
    }
}
