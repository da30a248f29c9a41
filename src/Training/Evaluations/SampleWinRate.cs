using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>sample-win-rate</c>.</summary>
public sealed record SampleWinRateOptions
{
    /// <summary>The name of the result.</summary>
    public string Name { get; init; } = "win_rate";

    /// <summary>What says which of two samples is better.</summary>
    public required Part<ISampleReward> Reward { get; init; }

    /// <summary>Samples of each model; where the model takes a class they ask for each in turn.</summary>
    [Positive]
    public int Count { get; init; } = 512;

    /// <summary>Steps, noise and guidance.</summary>
    public DiffusionSamplerOptions Sampler { get; init; } = new();

    /// <summary>Samples at a time.</summary>
    [Positive]
    public int BatchSize { get; init; } = 512;
}

/// <summary>How often a diffusion or flow model's sample scores above the reference's for the same condition and noise; a tie counts half.</summary>
/// <remarks>The reference is the frozen copy that the last stage left; where the run holds none yet there is no result.</remarks>
[Evaluation("sample-win-rate")]
public sealed class SampleWinRate(SampleWinRateOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var models = stage.Run.Models;
        if (!models.Roles.Contains("reference"))
        {
            return new Dictionary<string, double>();
        }

        var (policy, reference) = (models.Get<IDiffusionModel>("policy"), models.Get<IDiffusionModel>("reference"));
        var reward = options.Reward.Create(stage.Services);
        var draws = stage.Run.Draws.Key("evaluation").Key("sample-win-rate");
        policy.Network.eval();
        var wins = 0.0;
        for (var start = 0; start < options.Count; start += options.BatchSize)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var rows = Math.Min(options.BatchSize, options.Count - start);
            stage.Recorder.InHand("evaluation sample-win-rate", "sampling");
            var conditions = policy.Classes == 0 ? null : tensor([.. Enumerable.Range(start, rows).Select(row => (long)(row % policy.Classes))], device: stage.Run.Device);
            Draws[] own = [.. Enumerable.Range(start, rows).Select(row => draws.Key(row))];
            wins += Scored(policy).Zip(Scored(reference), (mine, theirs) => mine > theirs ? 1 : mine == theirs ? 0.5 : 0).Sum();

            double[] Scored(IDiffusionModel model)
            {
                var samples = DiffusionSampler.Sample(model, options.Sampler, conditions, own, stage.Run.Dtype, stage.Run.Device);
                return RewardScores.Of(reward, options.Reward.Id, samples, conditions, new RewardContext(0, 0, draws.Key("reward").Key(start))).Values;
            }
        }

        return new Dictionary<string, double> { [options.Name] = wins / options.Count };
    }
}
