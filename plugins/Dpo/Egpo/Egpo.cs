using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Egpo;

/// <summary>EGPO: online IPO with a look ahead; each update reads the preferences of the policy that a trial step would give.</summary>
/// <remarks>
/// Inputs: policy, reference and mask of both sides (the first answer is the chosen one, no order is implied); chosen_win_rates and rejected_win_rates [B], how
/// often each beats the opponent. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("egpo", Loop.SelfPlay, Paper = "2503.08942", Title = "Extragradient Preference Optimization (EGPO): Beyond Last-Iterate Convergence for Nash Learning from Human Feedback")]
[Default("play", "look_ahead")]
[Default("reference_refresh", "never")]
[Default("opponent_sampler", "kv-cache")]
[Default("sampler.temperature", 2.0)]
[Default("sampler.top_k", 10)]
[Default("learning_rate", 5e-7)]
[Default("weight_decay", 0.01)]
[Default("warmup_steps", 500)]
public sealed class Egpo(EgpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("chosen_win_rates"), new("rejected_win_rates")];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>((S_y - S_y') - (P(y beats y'') - P(y' beats y''))/β)², S = Σ_t log π/π_ref.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var beta = batch.Number("beta") ?? options.Beta;
        var (first, second) = PairLogRatios.Of(batch, options.Normalize);
        if (options.Normalize)
        {
            RequireTokens(batch.ChosenMask, "chosen_mask");
            RequireTokens(batch.RejectedMask, "rejected_mask");
        }

        var losses = (first - second - ((Rates(batch, "chosen_win_rates", first) - Rates(batch, "rejected_win_rates", first)) / beta)).square();
        return PairLosses.WithMetrics(losses.mean(), losses, beta * first, beta * second);
    }

    private static void RequireTokens(Tensor mask, string name)
    {
        if (mask.sum(-1).min().ToDouble() == 0)
        {
            throw new InvalidInputException($"a row of '{name}' is 0 everywhere: its answer has no token, and its average log-ratio would divide by 0");
        }
    }

    private static Tensor Rates(PairBatch batch, string name, Tensor like)
    {
        var rates = batch[name].detach();
        new Batch().With(name, rates).With("log-ratios", like).RequireSameShape(name, "log-ratios");
        Preferences.RequireProbabilities(rates, name);
        return rates;
    }

    /// <summary>The loss of whole tables: the mean over games and over all pairs (i,j) of ((h_i - h_j) - (u_i - u_j)/β)², u = P·opponent.</summary>
    /// <param name="logits">[G,M]; a constant added to all changes nothing.</param>
    /// <param name="referenceLogits">[G,M].</param>
    /// <param name="opponent">[G,M] probabilities; a constant.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="options">β.</param>
    [Target("egpo/tabular")]
    public static Loss Tabular(Tensor logits, Tensor referenceLogits, Tensor opponent, Tensor preferences, EgpoTabularOptions options)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(opponent);
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preferences);
        new Batch().With("logits", logits).With("reference_logits", referenceLogits).With("opponent", opponent).RequireSameShape("logits", "reference_logits", "opponent");
        var distance = logits.log_softmax(-1) - referenceLogits.detach().log_softmax(-1) - (Preferences.Against(preferences, opponent.detach()) / options.Beta);
        return new Loss((distance.unsqueeze(2) - distance.unsqueeze(1)).square().mean());
    }

    /// <summary>π^(1-ηβ) π_ref^(ηβ) exp(η u), normalised, with u read at π for half and at half for next: half, next [G,M]; for <c>mirror</c> next is half.</summary>
    /// <param name="policy">[G,M] probabilities.</param>
    /// <param name="reference">[G,M] probabilities.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="options">η, β and the kind.</param>
    [Target("egpo/step")]
    public static Outputs Step(Tensor policy, Tensor reference, Tensor preferences, EgpoStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preferences);
        var anchored = GeometricMixture.Logps(policy.log(), reference.log(), options.Eta * options.Beta);
        Tensor Move(Tensor opponent) => (anchored + (options.Eta * Preferences.Against(preferences, opponent))).softmax(-1);
        var half = Move(policy);
        return new Outputs { ["half"] = half, ["next"] = options.Kind == EgpoStepKind.Mirror ? half : Move(half) };
    }

    /// <summary>V(best, π) - V(π, best), best = π_ref exp(u(π)/β): 0 at the equilibrium alone. For β = 0: max_i u_i - min_j Σ_i π_i P_ij. gap [G].</summary>
    /// <param name="policy">[G,M] probabilities.</param>
    /// <param name="reference">[G,M] probabilities.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="options">β.</param>
    [Target("egpo/gap")]
    public static Tensor Gap(Tensor policy, Tensor reference, Tensor preferences, EgpoGapOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Preferences.Require(preferences);
        return RegularizedGame.Gap(policy, reference, preferences, options.Beta);
    }
}
