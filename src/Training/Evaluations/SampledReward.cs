using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>Which part of a data set an evaluation reads.</summary>
public enum Split
{
    /// <summary>The examples kept apart.</summary>
    HeldOut,

    /// <summary>The examples that stages learn from.</summary>
    Train,
}

/// <summary>Options that evaluations have in common.</summary>
public abstract record EvaluationOptions
{
    /// <summary>The name of the result. Default: the name of what is measured.</summary>
    public string? Name { get; init; }

    /// <summary>Where the examples come from.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>Which of them to read.</summary>
    public Split Split { get; init; } = Split.HeldOut;

    /// <summary>At most so many examples, the first ones; null: all.</summary>
    [Positive]
    public int? Limit { get; init; }

    /// <summary>Examples at a time.</summary>
    [Positive]
    public int BatchSize { get; init; } = 128;

    /// <summary>The examples to read.</summary>
    /// <exception cref="PlumblineException">There are none.</exception>
    public IReadOnlyList<Example> Examples(StageContext stage)
    {
        var data = Data.Create(stage.Services).Load(stage.Run);
        var examples = Split == Split.HeldOut ? data.HeldOut : data.Train;
        return examples.Count > 0 ? [.. examples.Take(Limit ?? int.MaxValue)]
            : throw new PlumblineException($"the {(Split == Split.HeldOut ? "held-out" : "training")} part of data '{Data.Id}' is empty, so there is nothing to evaluate; set its held_out, or split to \"train\"");
    }
}

/// <summary>Options of <c>sampled-reward</c>.</summary>
public sealed record SampledRewardOptions : EvaluationOptions
{
    /// <summary>What scores the completions.</summary>
    public required Part<IReward> Reward { get; init; }

    /// <summary>What samples them. Default: greedily, one a prompt.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>Completions to write to samples.jsonl.</summary>
    [NonNegative]
    public int Samples { get; init; } = 4;
}

/// <summary>The mean reward of completions of held-out prompts, greedy by default: an accuracy, where the reward is 0 or 1.</summary>
[Evaluation("sampled-reward")]
[Default("sampler", "kv-cache")]
[Default("sampler.temperature", 0.0)]
[Default("sampler.group_size", 1)]
public sealed class SampledReward(SampledRewardOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var scored = new List<Scores>();
        var count = 0;
        foreach (var (rollouts, scores) in new EvaluationSamples(options, options.Sampler, options.Reward).Of(stage, cancel))
        {
            for (var i = count; i < Math.Min(options.Samples, count + rollouts.Count); i++)
            {
                stage.Recorder.Sample(new JsonObject
                {
                    ["stage"] = stage.Name,
                    ["evaluation"] = options.Name ?? options.Reward.Id,
                    ["prompt"] = rollouts[i - count].Example.FindText("prompt"),
                    ["completion"] = rollouts[i - count].Text,
                    ["reward"] = scores.Values[i - count],
                });
            }

            scored.Add(scores);
            count += rollouts.Count;
        }

        return new Dictionary<string, double> { [options.Name ?? options.Reward.Id] = RewardScores.Mean(scored, options.Reward.Id) };
    }
}
