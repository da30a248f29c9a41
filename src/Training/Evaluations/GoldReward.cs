namespace Plumbline.Training;

/// <summary>Options of <c>gold-reward</c>.</summary>
public sealed record GoldRewardOptions : EvaluationOptions
{
    /// <summary>What scores the completions.</summary>
    public required Part<IReward> Reward { get; init; }
}

/// <summary>The mean reward of a data set's own completions: 1 where an exact reward reads every one of them rightly.</summary>
[Evaluation("gold-reward")]
public sealed class GoldReward(GoldRewardOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var reward = options.Reward.Create(stage.Services);
        Rollout[] gold = [.. options.Examples(stage).Select((example, i) => StoredAnswer.Of(example, i, example.Text("completion")))];
        var scores = RewardScores.Of(reward, options.Reward.Id, gold, new RewardContext(0, 0, stage.Run.Draws.Key("evaluation")));
        return new Dictionary<string, double> { [options.Name ?? "gold " + options.Reward.Id] = RewardScores.Mean([scores], options.Reward.Id) };
    }
}
