using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>diffusion-pair-accuracy</c>.</summary>
public sealed record DiffusionPairAccuracyOptions
{
    /// <summary>The name of the result.</summary>
    public string Name { get; init; } = "implicit_accuracy";

    /// <summary>Where the pairs come from: chosen, rejected and, where there are conditions, condition.</summary>
    public required Part<ITensorData> Data { get; init; }

    /// <summary>Which of them to read.</summary>
    public Split Split { get; init; } = Split.HeldOut;

    /// <summary>At most so many pairs, the first ones; null: all.</summary>
    [Positive]
    public int? Limit { get; init; }

    /// <summary>Pairs at a time.</summary>
    [Positive]
    public int BatchSize { get; init; } = 128;

    /// <summary>Times, each with a noise of its own, at which a pair's errors are taken; their mean decides.</summary>
    [Positive]
    public int Times { get; init; } = 1;
}

/// <summary>The share of held-out pairs whose better sample gains more on the reference in denoising error than the worse one; a tie counts half. With both models' mean errors.</summary>
/// <remarks>Where the run holds no reference yet, there is the policy's error alone. Both members of a pair share time and noise, which depend on the run's seed and the row alone.</remarks>
[Evaluation("diffusion-pair-accuracy")]
public sealed class DiffusionPairAccuracy(DiffusionPairAccuracyOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var models = stage.Run.Models;
        var policy = models.Get<IDiffusionModel>("policy");
        var reference = models.Roles.Contains("reference") ? models.Get<IDenoisingModel>("reference") : null;
        using var still = no_grad();
        using var kept = NewDisposeScope();
        using var data = options.Data.Create(stage.Services).Load(stage.Run);
        var pairs = SamplePairs.Of(options.Split == Split.HeldOut ? data.HeldOut : data.Train, options.Data.Id, policy);
        var scorer = new DiffusionPairScorer(policy, reference);
        policy.Network.eval();
        var count = Math.Min(pairs.Count, options.Limit ?? int.MaxValue);
        var (right, ofPolicy, ofReference) = (0.0, 0.0, 0.0);
        foreach (var rows in Enumerable.Range(0, count).Chunk(options.BatchSize))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            stage.Recorder.InHand("evaluation diffusion-pair-accuracy", "evaluating");
            var chunk = pairs.Take(rows);
            var margin = zeros(rows.Length, chunk.Chosen.dtype, chunk.Chosen.device);
            for (var time = 0; time < options.Times; time++)
            {
                var batch = scorer.Score(chunk, [.. rows.Select(row => stage.Run.Draws.Key("diffusion-pair-accuracy").Key(row).Key(time))]);
                var (chosen, rejected) = Errors(batch, "policy");
                ofPolicy += (chosen + rejected).sum().ToDouble() / 2;
                if (reference is not null)
                {
                    var (chosenBefore, rejectedBefore) = Errors(batch, "reference");
                    ofReference += (chosenBefore + rejectedBefore).sum().ToDouble() / 2;
                    margin = margin + (rejected - rejectedBefore) - (chosen - chosenBefore);
                }
            }

            right += margin.gt(0).sum().ToInt64() + (0.5 * margin.eq(0).sum().ToInt64());
        }

        var results = new Dictionary<string, double> { ["policy_error"] = ofPolicy / (count * options.Times) };
        if (reference is not null)
        {
            results["reference_error"] = ofReference / (count * options.Times);
            results[options.Name] = right / count;
        }

        return results;
    }

    private static (Tensor Chosen, Tensor Rejected) Errors(DiffusionPairBatch batch, string model) => (
        DenoisingLoss.PerSample(batch[$"{model}_chosen_prediction"], batch.ChosenTarget),
        DenoisingLoss.PerSample(batch[$"{model}_rejected_prediction"], batch.RejectedTarget));
}
