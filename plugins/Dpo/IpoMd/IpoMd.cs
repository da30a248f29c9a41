using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.IpoMd;

/// <summary>IPO on answers that the mixture of policy and reference gives: squared regression of the log-ratio margin onto the preference.</summary>
/// <remarks>
/// Inputs: policy, reference and mask of both sides; preference [B] = P(chosen beats rejected), where the label is soft.
/// Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("ipo-md", Loop.OnlinePairs, Paper = "2403.08635", Title = "Human Alignment of Large Language Models through Online Preference Optimisation")]
[Default("first", "mixture")]
[Default("second", "mixture")]
[Default("mixture", 0.125)]
[Default("labels", "sampled")]
public sealed class IpoMd(IpoMdOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("preference") { Optional = true }];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["tau"] = options.Tau };

    /// <summary>(h - (2p - 1)/(2τ))², h = S_chosen - S_rejected, S = Σ_t log π/μ; a hard label has p = 1.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var tau = batch.Number("tau") ?? options.Tau;
        var (chosen, rejected) = PairLogRatios.Of(batch, options.LengthNormalized);
        var margin = chosen - rejected;
        Tensor losses;
        if (batch.Find("preference") is { } preference)
        {
            new Batch().With("preference", preference).With("log-ratios", margin).RequireSameShape("preference", "log-ratios");
            Preferences.RequireProbabilities(preference, "preference");
            losses = (margin - (((2 * preference.detach()) - 1) / (2 * tau))).square();
        }
        else
        {
            losses = (margin - (1 / (2 * tau))).square();
        }

        return PairLosses.WithMetrics(losses.mean(), losses, tau * chosen, tau * rejected);
    }
}
