using Plumbline.Training.Models;

namespace Plumbline.Training;

/// <summary>Options of <c>preference-accuracy</c>.</summary>
public sealed record PreferenceAccuracyOptions : EvaluationOptions, IChecksItself
{
    /// <summary>What says which of two answers is better; null: the reward does.</summary>
    public Part<IJudge>? Judge { get; init; }

    /// <summary>The higher score is better; null: the judge says.</summary>
    public Part<IReward>? Reward { get; init; }

    /// <summary>The role of the model that must be trained first; before it is there nothing is measured. Null: measure always.</summary>
    public string? Role { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Judge is null == Reward is null)
        {
            yield return "set either judge or reward: one of them says which answer is better";
        }
    }
}

/// <summary>The share of held-out pairs whose chosen answer a judge or a reward finds better; a tie counts half.</summary>
[Evaluation("preference-accuracy")]
public sealed class PreferenceAccuracy(PreferenceAccuracyOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        if (options.Role is { } role && !stage.Run.Models.Roles.Contains(role))
        {
            return new Dictionary<string, double>();
        }

        var context = new RewardContext(0, 0, stage.Run.Draws.Key("evaluation").Key(options.Data.Id));
        var examples = options.Examples(stage);
        var judge = options.Judge?.Create(stage.Services);
        var reward = options.Reward?.Create(stage.Services);
        var right = 0.0;
        foreach (var some in examples.Chunk(options.BatchSize))
        {
            cancel.ThrowIfCancellationRequested();
            Rollout[] chosen = [.. some.Select((row, i) => StoredAnswer.Of(row, i, row.Text("chosen")))], rejected = [.. some.Select((row, i) => StoredAnswer.Of(row, i, row.Text("rejected")))];
            if (judge is not null)
            {
                stage.Recorder.InHand(Kinds.Judge + " " + options.Judge!.Id, "evaluating");
                right += judge.Judge([.. chosen.Zip(rejected)], context).Sum(p => Half(p, 0.5));
            }
            else
            {
                stage.Recorder.InHand(Kinds.Reward + " " + options.Reward!.Id, "evaluating");
                var scores = RewardScores.Of(reward!, options.Reward.Id, [.. chosen, .. rejected], context).Values;
                right += Enumerable.Range(0, some.Length).Sum(i => Half(scores[i], scores[some.Length + i]));
            }
        }

        return new Dictionary<string, double> { [options.Name ?? "preference_accuracy"] = right / examples.Count };

        static double Half(double better, double worse) => better > worse ? 1 : better == worse ? 0.5 : 0;
    }
}

/// <summary>An answer of the data in the shape of a sampled one, for what scores and judges texts.</summary>
public static class StoredAnswer
{
    /// <summary>The answer; its tokens are not known.</summary>
    public static Rollout Of(Example example, long group, string text) => new()
    {
        Example = example,
        GroupId = group,
        Sample = 0,
        Prompt = [],
        Completion = [],
        Logps = [],
        Text = text,
        Truncated = false,
    };
}
