using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.FDpo;

/// <summary>DPO under another divergence than reverse KL (f-DPO). The reward a policy implies is β f'(π/π_ref); the rest is DPO.</summary>
/// <remarks>Inputs: policy, reference and mask of both sides. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].</remarks>
[Algorithm("f-dpo", Loop.OfflinePairs, Paper = "2309.16240", Title = "Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence Constraints")]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 1e-6)]
[Default("warmup_steps", 150)]
[Default("max_grad_norm", 10.0)]
public sealed class FDpo(FDpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>loss = -log σ(β f'(u_chosen) - β f'(u_rejected)), u = π/π_ref of the whole answer.</summary>
    public override Loss Compute(PairBatch batch)
    {
        var (losses, chosen, rejected) = Pairs(batch);
        return PairLosses.WithMetrics(losses.mean(), losses, chosen, rejected);
    }

    /// <summary>[B] the loss and the rewards of both sides of each pair.</summary>
    internal (Tensor Losses, Tensor Chosen, Tensor Rejected) Pairs(PairBatch batch)
    {
        var (chosen, rejected) = PairLogRatios.Of(batch);
        var (better, worse) = (Score(chosen), Score(rejected));
        return (PairLosses.Logistic(options.Beta * (better - worse)), options.Beta * better, options.Beta * worse);
    }

    /// <summary>f'(u) up to an additive constant, from t = log u.</summary>
    private Tensor Score(Tensor t) => options.Divergence switch
    {
        DivergenceKind.ForwardKl => -Exp(-t),
        DivergenceKind.JsDivergence => Math.Log(2) + nn.functional.logsigmoid(t),
        DivergenceKind.AlphaDivergence => -Exp(-options.Alpha * t) / options.Alpha,
        _ => t,
    };

    /// <summary>An answer that the policy gave up has an exponent of tens of nats.</summary>
    private Tensor Exp(Tensor exponent) => (options.ClampExponent is { } most ? exponent.clamp_max(most) : exponent).exp();

    /// <summary>The policy that maximises E[r] - β D_f(π, π_ref) over a finite set of answers: probabilities [K] = ref · f'⁻¹((r - λ)/β); multiplier [], λ.</summary>
    /// <param name="referenceProbabilities">[K] positive, of sum 1.</param>
    /// <param name="rewards">[K].</param>
    /// <param name="options"><c>divergence</c>, <c>beta</c>, <c>alpha</c> are read.</param>
    [Target("f-dpo/optimal_policy")]
    public static Outputs OptimalPolicy(Tensor referenceProbabilities, Tensor rewards, FDpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireProbabilities(referenceProbabilities);
        new Batch().With("reference_probabilities", referenceProbabilities).With("rewards", rewards).RequireSameShape("reference_probabilities", "rewards");
        var (least, most) = (rewards.min().ToDouble(), rewards.max().ToDouble());
        // The sum of the probabilities falls in λ: from above 1 near the lower end, where the best answer's ratio is infinite or none is below 1, to at most 1.
        var (low, high) = (Math.Max(least, most - (options.Beta * LargestSlope(options))), most);
        var middle = (low + high) / 2;
        for (; middle > low && middle < high; middle = (low + high) / 2)
        {
            (low, high) = Probabilities(middle).sum().ToDouble() > 1 ? (middle, high) : (low, middle);
        }

        return new Outputs { ["probabilities"] = Probabilities(high), ["multiplier"] = full_like(rewards.sum(), high) };

        Tensor Probabilities(double multiplier) => referenceProbabilities * Ratio((rewards - multiplier) / options.Beta, options);
    }

    /// <summary>u = f'⁻¹(s).</summary>
    private static Tensor Ratio(Tensor s, FDpoOptions options) => options.Divergence switch
    {
        DivergenceKind.ForwardKl => 1 / (1 - s),
        DivergenceKind.JsDivergence => s.exp() / (2 - s.exp()),
        DivergenceKind.AlphaDivergence => (1 - (options.Alpha * s)).pow(-1 / options.Alpha),
        _ => s.exp(),
    };

    /// <summary>What f' tends to as u grows.</summary>
    private static double LargestSlope(FDpoOptions options) => options.Divergence switch
    {
        DivergenceKind.ForwardKl => 1,
        DivergenceKind.JsDivergence => Math.Log(2),
        DivergenceKind.AlphaDivergence => 1 / options.Alpha,
        _ => double.PositiveInfinity,
    };

    /// <summary>D_f(π, π_ref) = E_ref[f(π/π_ref)]: divergence [...].</summary>
    /// <param name="policyProbabilities">[...,K].</param>
    /// <param name="referenceProbabilities">[...,K] positive, of sum 1.</param>
    /// <param name="options"><c>divergence</c>, <c>alpha</c> are read.</param>
    [Target("f-dpo/divergence")]
    public static Outputs Divergence(Tensor policyProbabilities, Tensor referenceProbabilities, FDpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireProbabilities(referenceProbabilities);
        new Batch().With("policy_probabilities", policyProbabilities).With("reference_probabilities", referenceProbabilities)
            .RequireSameShape("policy_probabilities", "reference_probabilities");
        var (u, alpha) = (policyProbabilities / referenceProbabilities, options.Alpha);
        var f = options.Divergence switch
        {
            DivergenceKind.ForwardKl => -u.log(),
            DivergenceKind.JsDivergence => TimesLog(u) - ((u + 1) * ((u + 1) / 2).log()),
            DivergenceKind.AlphaDivergence => (u.pow(1 - alpha) - ((1 - alpha) * u) - alpha) / (alpha * (alpha - 1)),
            _ => TimesLog(u),
        };
        return new Outputs { ["divergence"] = (referenceProbabilities * f).sum(-1) };

        // u log u, 0 at 0.
        static Tensor TimesLog(Tensor u) => where(u.gt(0), u * u.log(), zeros_like(u));
    }

    /// <summary>Expected calibration error: Σ_b n_b/N |mean correct - mean confidence| over bins of equal width: ece [].</summary>
    /// <param name="confidences">[N] in [0,1]; of a pair max(p, 1-p), p = σ(chosen_reward - rejected_reward).</param>
    /// <param name="correct">[N] bool; of a pair whether the side with the larger reward is the labelled one.</param>
    /// <param name="options">The bins; each is closed on its right, the first on both sides.</param>
    [Target("f-dpo/ece")]
    public static Outputs CalibrationError(Tensor confidences, Tensor correct, CalibrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("confidences", confidences).With("correct", correct).RequireSameShape("confidences", "correct");
        if (confidences.min().ToDouble() < 0 || confidences.max().ToDouble() > 1)
        {
            throw new InvalidInputException("the 'confidences' must be in [0, 1]");
        }

        var bins = ((confidences * options.Bins).ceil() - 1).clamp_min(0);
        var members = Masked.Indicator(bins.unsqueeze(0).eq(arange(options.Bins, dtype: bins.dtype, device: bins.device).unsqueeze(1)), confidences);
        // n_b times the difference of the means is the difference of the sums.
        return new Outputs { ["ece"] = members.matmul(Masked.Indicator(correct, confidences) - confidences).abs().sum() / confidences.shape[0] };
    }

    private static void RequireProbabilities(Tensor reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (!(reference.min().ToDouble() > 0) || !((reference.sum(-1) - 1).abs().max().ToDouble() <= 1e-4))
        {
            throw new InvalidInputException("the 'reference_probabilities' must be positive, and their sum 1");
        }
    }
}
