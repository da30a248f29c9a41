using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>pair-likelihood</c>.</summary>
public sealed record PairLikelihoodOptions : EvaluationOptions;

/// <summary>How likely the policy finds the two sides of pairs: the means of their summed log-probabilities, and the gap between them.</summary>
[Evaluation("pair-likelihood")]
public sealed class PairLikelihood(PairLikelihoodOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        stage.Policy.Network.eval();
        var (better, worse) = Of(stage, options.Examples(stage), options.BatchSize, cancel);
        var prefix = options.Name is { } name ? name + "_" : string.Empty;
        return new Dictionary<string, double> { [prefix + "better_likelihood"] = better, [prefix + "worse_likelihood"] = worse, [prefix + "likelihood_gap"] = better - worse };
    }

    /// <summary>The mean summed log-probability of the rows' chosen and of their rejected answers; without gradient.</summary>
    public static (double Better, double Worse) Of(StageContext stage, IReadOnlyList<Example> rows, int batchSize, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var scorer = new SequenceScorer(stage.Policy);
        var sequences = PolicySamples.Stored(stage, rows, "chosen", "rejected");
        var sums = new List<double>(sequences.Count);
        foreach (var some in sequences.Chunk(batchSize))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            var scored = scorer.Score(some);
            sums.AddRange(Masked.RowSum(scored.Logps, scored.Mask).to_type(ScalarType.Float64).cpu().data<double>().ToArray());
        }

        return (sums.Where((_, i) => i % 2 == 0).Average(), sums.Where((_, i) => i % 2 == 1).Average());
    }
}
