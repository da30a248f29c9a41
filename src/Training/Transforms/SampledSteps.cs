using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>Options of <c>sampled-steps</c>.</summary>
public sealed record SampledStepsOptions : IChecksItself
{
    /// <summary>What samples the answers.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What says how good an answer is; the outcome is their sum.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <summary>Answers a prompt; null: the sampler's group size.</summary>
    [Positive]
    public int? Answers { get; init; }

    /// <summary>What ends a step; null: each token is a step.</summary>
    public string? Separator { get; init; } = "\n";

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Rewards.Count == 0)
        {
            yield return "rewards must name at least one: nothing else tells an answer's outcome";
        }

        if (Separator?.Length == 0)
        {
            yield return "separator must not be empty; null makes each token a step";
        }
    }
}

/// <summary>Prompts to the policy's answers in steps, right and wrong ones alike, each with its outcome.</summary>
/// <remarks>Adds to each row steps, rewards (the outcome, one number) and truncated.</remarks>
[Transform("sampled-steps")]
[Default("sampler", "kv-cache")]
[Default("rewards", new[] { "exact-answer" })]
public sealed class SampledSteps(SampledStepsOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var made = new List<Example>();
        foreach (var answers in new PolicyAnswers(stage, options.Sampler, options.Rewards).Of(rows, options.Answers, draws, cancel))
        {
            for (var i = 0; i < answers.Answers.Count; i++)
            {
                made.Add(Row(made.Count, answers, i));
            }
        }

        return made;
    }

    private Example Row(long index, ScoredAnswers answers, int place)
    {
        var answer = answers.Answers[place];
        int[] ends = AnswerSteps.Ends(stage.Policy.Tokenizer, answer.Completion, options.Separator);
        JsonNode[] steps = [.. ends.Select((end, step) => (JsonNode)stage.Policy.Tokenizer.Decode(answer.Completion.AsSpan((step == 0 ? 0 : ends[step - 1])..end)))];
        return answers.With(index, ("steps", new JsonArray(steps)), ("rewards", answers.Scores[place]), ("truncated", answer.Truncated));
    }
}
