using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gpm;

/// <summary>GPM: each answer is embedded once, and a skew-symmetric form of two embeddings says which is better, so that preferences may go in a circle.</summary>
/// <remarks>Inputs: chosen_embeddings, rejected_embeddings [B,2k]; gate_logits [B,k] and margins [B], where there are any. Outputs: loss; scores (not divided by tau), probs [B]; accuracy [].</remarks>
[Algorithm("gpm", Loop.RewardTraining, Paper = "2410.02197", Title = "General Preference Modeling with Preference Representations for Aligning Language Models")]
[Default("learning_rate", 1e-5)]
[Default("batch_size", 32)]
public sealed class Gpm(GpmOptions options) : PreferenceModelObjective
{
    /// <inheritdoc/>
    public override int Dimension => options.Dimension;

    /// <inheritdoc/>
    public override int GateDimension => options.Gate ? options.Dimension / 2 : 0;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new Column("margins") { Optional = true }];

    /// <summary>-log σ((s(chosen &gt; rejected) - margin)/τ), or the regression of s/τ on a margin; the mean over the pairs.</summary>
    public override Loss Compute(PreferenceModelBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (chosen, rejected) = (batch.ChosenEmbeddings, batch.RejectedEmbeddings);
        Preferences.RequireBlocks(chosen, "chosen_embeddings");
        batch.RequireSameShape("chosen_embeddings", "rejected_embeddings");
        batch.RequireSameRows("chosen_embeddings", "margins");
        var scores = Preferences.Scores(Preferences.Blocks(chosen, options.Normalize), Preferences.Blocks(rejected, options.Normalize), Preferences.Gate(batch.GateLogits, chosen));

        var z = (scores - (batch.Find("margins") ?? zeros_like(scores))) / options.Tau;
        var losses = options.LossType == GpmLoss.Regression ? ((scores / options.Tau) - options.TargetMargin).square() / 2 : PairLosses.Logistic(z);
        return new Loss(losses.mean())
        {
            ["scores"] = scores.detach(),
            ["probs"] = z.detach().sigmoid(),
            ["accuracy"] = PairLosses.Accuracy(scores.detach(), zeros_like(scores)),
        };
    }

    /// <summary>All pairs of K answers of one prompt: scores (divided by tau), probs [K,K]; average_scores [K]; chosen, rejected: the highest and the lowest average, the first on ties.</summary>
    /// <param name="embeddings">[K,2k].</param>
    /// <param name="options">Temperature and normalisation.</param>
    /// <param name="gateLogits">[k]; null: each block counts 1.</param>
    [Target("gpm/table")]
    public static Outputs Table(Tensor embeddings, GpmOptions options, Tensor? gateLogits = null)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ArgumentNullException.ThrowIfNull(options);
        Preferences.RequireBlocks(embeddings, "embeddings");
        var blocks = Preferences.Blocks(embeddings, options.Normalize);
        var scores = Preferences.Scores(blocks.unsqueeze(1), blocks.unsqueeze(0), Preferences.Gate(gateLogits, embeddings[0])) / options.Tau;
        var averages = scores.mean([1]);
        return new Outputs
        {
            ["scores"] = scores,
            ["probs"] = scores.sigmoid(),
            ["average_scores"] = averages,
            ["chosen"] = averages.argmax(),
            ["rejected"] = averages.argmin(),
        };
    }

    /// <summary>The baseline, one score an answer: -log σ((chosen - rejected)/τ): loss []; probs [B].</summary>
    /// <param name="chosenScores">[B].</param>
    /// <param name="rejectedScores">[B].</param>
    /// <param name="options">The temperature.</param>
    [Target("gpm/bradley_terry")]
    public static Loss OfScores(Tensor chosenScores, Tensor rejectedScores, BradleyTerryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("chosen_scores", chosenScores).With("rejected_scores", rejectedScores).RequireSameShape("chosen_scores", "rejected_scores");
        var z = (chosenScores - rejectedScores) / options.Tau;
        return new Loss(PairLosses.Logistic(z).mean()) { ["probs"] = z.detach().sigmoid(), ["accuracy"] = PairLosses.Accuracy(chosenScores.detach(), rejectedScores.detach()) };
    }
}

/// <summary>Bradley-Terry: one score an answer, and the logistic loss of the difference; it can't express a circle.</summary>
[Objective("bradley-terry")]
public sealed class BradleyTerry(BradleyTerryOptions options) : PreferenceModelObjective
{
    /// <inheritdoc/>
    public override Loss Compute(PreferenceModelBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Gpm.OfScores(batch.ChosenScores, batch.RejectedScores, options);
    }
}
