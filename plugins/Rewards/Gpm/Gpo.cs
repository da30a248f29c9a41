using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gpm;

/// <summary>GPO: the log-ratio of each of two answers is fitted to its average score against the policy's own samples, divided by beta.</summary>
/// <remarks>Inputs: policy, reference and mask of both sides; chosen_scores, rejected_scores [B]. log Z is taken as 0, for scores average to 0 over the policy.</remarks>
[Algorithm("gpo", Loop.SelfPlay, Paper = "2410.02197", Title = "General Preference Modeling with Preference Representations for Aligning Language Models")]
[Default("judge", "gpm")]
[Default("iterations", 3)]
[Default("sampler.group_size", 5)]
[Default("batch_size", 64)]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 5e-7)]
public sealed class Gpo(GpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new Column("chosen_scores"), new Column("rejected_scores")];

    /// <summary>((lr_c - s_c/β)² + (lr_r - s_r/β)²)/2, the mean over the pairs.</summary>
    [Target("gpm/gpo")]
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: true);
        batch.RequireSameRows("policy_chosen_logps", "chosen_scores", "rejected_scores");
        var chosen = Masked.RowSum(batch.PolicyChosenLogps - batch.ReferenceChosenLogps.detach(), batch.ChosenMask);
        var rejected = Masked.RowSum(batch.PolicyRejectedLogps - batch.ReferenceRejectedLogps.detach(), batch.RejectedMask);
        var losses = (Error(chosen, batch["chosen_scores"]) + Error(rejected, batch["rejected_scores"])) / 2;
        return PairLosses.WithMetrics(losses.mean(), losses, options.Beta * chosen, options.Beta * rejected);
    }

    private Tensor Error(Tensor logRatio, Tensor scores)
    {
        var bounded = options.ScoreClamp is { } clamp ? scores.clamp(-clamp, clamp) : scores;
        return (logRatio - (bounded.detach() / options.Beta)).square();
    }
}
