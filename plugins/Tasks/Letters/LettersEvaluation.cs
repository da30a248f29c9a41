using System.Text.Json.Nodes;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Letters;

/// <summary>Options of the evaluation <c>letters</c>.</summary>
public sealed record LettersEvaluationOptions
{
    /// <summary>Begins the results' names, before a slash; null: they stand alone.</summary>
    public string? Name { get; init; }

    /// <summary>Prompts, each answered once.</summary>
    [Positive]
    public int Samples { get; init; } = 800;

    /// <summary>What samples the answers.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What scores them.</summary>
    public required Part<IReward> Reward { get; init; }

    /// <summary>Answers to write to samples.jsonl.</summary>
    [NonNegative]
    public int Shown { get; init; } = 2;
}

/// <summary>What the policy answers to random prompts of the letters task: means of reward, of content (#a - #b) and of length in letters, and the share that never ended.</summary>
/// <remarks>Where the run holds a reference, also kl: the mean of log π/π_ref of an answer, nats, an estimate of KL(π ‖ π_ref).</remarks>
[Evaluation("letters")]
[Default("sampler", "kv-cache")]
[Default("sampler.max_new_tokens", 9)]
[Default("reward", "letter-balance")]
public sealed class LettersEvaluation(LettersEvaluationOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        // Alike before and after every stage: only the policy differs.
        var draws = stage.Run.Draws.Key("evaluation").Key("letters");
        Example[] prompts = [.. Enumerable.Range(0, options.Samples).Select(i => new Example(
            i, new JsonObject { ["prompt"] = string.Concat(Enumerable.Range(0, 2).Select(place => Letters.Letter(draws.Key("prompt").Key(i).Key(place).Below(Letters.Alphabet)))) }))];
        ScoredAnswers[] answers = [.. new PolicyAnswers(stage, options.Sampler, [options.Reward]).Of(prompts, 1, draws, cancel)];
        var results = new Dictionary<string, double>
        {
            [Named("reward")] = answers.Average(answer => answer.Scores[0]),
            [Named("content")] = answers.Average(answer => Letters.Balance(answer.Answers[0].Text)),
            [Named("length")] = answers.Average(answer => answer.Answers[0].Text.Length),
            [Named("truncated")] = answers.Average(answer => answer.Answers[0].Truncated ? 1.0 : 0.0),
        };
        if (stage.Run.Models.Roles.Contains("reference"))
        {
            results[Named("kl")] = Divergence(stage, answers);
        }

        foreach (var answer in answers.Take(options.Shown))
        {
            stage.Recorder.Sample(new JsonObject
            {
                ["stage"] = stage.Name,
                ["evaluation"] = Named("letters"),
                ["prompt"] = answer.Example.FindText("prompt"),
                ["completion"] = answer.Answers[0].Text,
                ["reward"] = answer.Scores[0],
            });
        }

        return results;
    }

    private string Named(string result) => options.Name is { } name ? $"{name}/{result}" : result;

    private static double Divergence(StageContext stage, ScoredAnswers[] answers)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        PromptedSequence[] sequences = [.. answers.Select(answer => new PromptedSequence(answer.Answers[0].Prompt, answer.Answers[0].Completion))];
        double Sum(ICausalModel model) => new SequenceScorer(model).Score(sequences).Logps.to_type(ScalarType.Float64).sum().ToDouble();
        return (Sum(stage.Policy) - Sum(stage.Run.Models.Get<ICausalModel>("reference"))) / sequences.Length;
    }
}
