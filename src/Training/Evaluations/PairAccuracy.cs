using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>What a pair's two answers are compared by.</summary>
public enum PairScore
{
    /// <summary>The mean log-probability of an answer's tokens.</summary>
    Mean,

    /// <summary>The sum of the log-probabilities of an answer's tokens.</summary>
    Sum,
}

/// <summary>Options of <c>pair-accuracy</c>.</summary>
public sealed record PairAccuracyOptions : EvaluationOptions
{
    /// <summary>What the two answers are compared by.</summary>
    public PairScore Score { get; init; } = PairScore.Sum;

    /// <summary>Longest sequence in tokens; null: the model's context.</summary>
    [Positive]
    public int? MaxLength { get; init; }

    /// <summary>What to do with a pair longer than that.</summary>
    public OverlongPolicy Overlong { get; init; } = OverlongPolicy.Refuse;
}

/// <summary>The share of held-out pairs whose chosen answer the policy finds likelier than the rejected one; a tie counts half.</summary>
/// <remarks>Where the run holds a reference, also the share by implicit reward, log-probability minus the reference's (DPO, arXiv 2305.18290).</remarks>
[Evaluation("pair-accuracy")]
public sealed class PairAccuracy(PairAccuracyOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var name = options.Name ?? "pair_accuracy";
        var pairs = new SequenceBuilder(stage.Policy, options.MaxLength, options.Overlong)
            .Build(options.Examples(stage), stage.Log, "chosen", "rejected");
        var reference = stage.Run.Models.Roles.Contains("reference") ? new SequenceScorer(stage.Run.Models.Get<ICausalModel>("reference")) : null;
        var policy = new SequenceScorer(stage.Policy);
        stage.Policy.Network.eval();
        var (likelier, implied) = (0.0, 0.0);
        using var still = no_grad();
        foreach (var chunk in pairs.Chunk(Math.Max(1, options.BatchSize / 2)))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            stage.Recorder.InHand("evaluation pair-accuracy", "evaluating");
            PromptedSequence[] sequences = [.. chunk.SelectMany(pair => pair.Sequences)];
            var mine = Sums(policy, sequences);
            likelier += Wins(mine);
            if (reference is not null)
            {
                implied += Wins([.. mine.Zip(Sums(reference, sequences), (a, b) => a - b)]);
            }
        }

        var results = new Dictionary<string, double> { [name] = likelier / pairs.Count };
        if (reference is not null)
        {
            results[name + "_implicit"] = implied / pairs.Count;
        }

        return results;
    }

    private double[] Sums(SequenceScorer scorer, PromptedSequence[] sequences)
    {
        var scored = scorer.Score(sequences);
        var sums = (scored.Logps * scored.Mask).sum(1);
        if (options.Score == PairScore.Mean)
        {
            sums = sums / scored.Mask.sum(1);
        }

        return sums.to_type(ScalarType.Float64).cpu().data<double>().ToArray();
    }

    private static double Wins(double[] sums) =>
        sums.Chunk(2).Sum(pair => pair[0] > pair[1] ? 1.0 : pair[0] == pair[1] ? 0.5 : 0.0);
}
