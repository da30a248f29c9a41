using Plumbline.Training.Diffusion;
using Plumbline.Training.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>sample-quality</c>.</summary>
public sealed record SampleQualityOptions
{
    /// <summary>Begins the names of the results, with a hyphen after it. Default: a result is named by its reward alone.</summary>
    public string? Name { get; init; }

    /// <summary>What scores the samples; a result each.</summary>
    public required IReadOnlyList<Part<ISampleReward>> Rewards { get; init; }

    /// <summary>Samples to draw; where the model takes a class they ask for each in turn.</summary>
    [Positive]
    public int Count { get; init; } = 512;

    /// <summary>Steps, noise and guidance.</summary>
    public DiffusionSamplerOptions Sampler { get; init; } = new();

    /// <summary>Samples at a time.</summary>
    [Positive]
    public int BatchSize { get; init; } = 512;

    /// <summary>Samples to show in the picture samples/STAGE.png of the run's folder, where samples are images; 0: no picture.</summary>
    [NonNegative]
    public int Samples { get; init; } = 64;
}

/// <summary>The mean rewards of what a diffusion or flow model samples, and a picture of some samples.</summary>
/// <remarks>The draws are alike before and after a stage: only the policy differs.</remarks>
[Evaluation("sample-quality")]
public sealed class SampleQuality(SampleQualityOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var model = stage.Run.Models.Get<IDiffusionModel>("policy");
        ISampleReward[] rewards = [.. options.Rewards.Select(reward => reward.Create(stage.Services))];
        var scores = rewards.Select(_ => new List<Scores>()).ToArray();
        var draws = stage.Run.Draws.Key("evaluation").Key("sample-quality");
        model.Network.eval();
        using var shown = NewDisposeScope();
        var pictures = new List<Tensor>();
        for (var start = 0; start < options.Count; start += options.BatchSize)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var rows = Math.Min(options.BatchSize, options.Count - start);
            stage.Recorder.InHand(Kinds.Model + " policy", "sampling");
            var conditions = model.Classes == 0 ? null : tensor([.. Enumerable.Range(start, rows).Select(row => (long)(row % model.Classes))], device: stage.Run.Device);
            var samples = DiffusionSampler.Sample(model, options.Sampler, conditions, [.. Enumerable.Range(start, rows).Select(row => draws.Key(row))], stage.Run.Dtype, stage.Run.Device);
            for (var i = 0; i < rewards.Length; i++)
            {
                stage.Recorder.InHand(Kinds.Reward + " " + options.Rewards[i].Id, "evaluating");
                scores[i].Add(RewardScores.Of(rewards[i], options.Rewards[i].Id, samples, conditions, new RewardContext(0, 0, draws.Key("reward").Key(start))));
            }

            if (start < options.Samples)
            {
                pictures.Add(samples.narrow(0, 0, Math.Min(rows, options.Samples - start)).MoveToOuterDisposeScope());
            }
        }

        if (pictures.Count > 0 && ImageGrid.Fits(model.SampleShape))
        {
            ImageGrid.Write(Path.Combine(stage.Run.Folder, "samples", $"{stage.Name}{(options.Name is null ? string.Empty : "-" + options.Name)}.png"), cat([.. pictures], 0));
        }

        return options.Rewards.Select((reward, i) => (reward.Id, Mean: RewardScores.Mean(scores[i], reward.Id)))
            .ToDictionary(result => options.Name is null ? result.Id : $"{options.Name}-{result.Id}", result => result.Mean);
    }
}
