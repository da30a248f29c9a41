namespace Plumbline.Training;

/// <summary>Options of <c>reward-difference</c>.</summary>
public sealed record RewardDifferenceOptions : IChecksItself
{
    /// <summary>What scores the answers; several are summed.</summary>
    public required IReadOnlyList<Part<IReward>> Rewards { get; init; }

    /// <summary>Divides the difference of the scores.</summary>
    [Positive]
    public double Temperature { get; init; } = 1;

    /// <summary>Taken from the score of an answer that was cut at the longest length; null: nothing is.</summary>
    [Positive]
    public double? MissingEosPenalty { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Rewards.Count == 0)
        {
            yield return "rewards is empty: nothing tells two answers apart; name at least one reward";
        }
    }
}

/// <summary>Bradley and Terry's judge: the first answer is better with probability σ((r_1 - r_2)/temperature).</summary>
[Judge("reward-difference")]
public sealed class RewardDifference : IJudge
{
    private readonly RewardDifferenceOptions _options;
    private readonly (string Id, IReward Reward)[] _rewards;
    private readonly Dictionary<string, double> _metrics = [];

    /// <summary>A judge by rewards.</summary>
    public RewardDifference(RewardDifferenceOptions options, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(services)))];
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <inheritdoc/>
    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        // An answer of several pairs is scored once.
        var places = new Dictionary<Rollout, int>(ReferenceEqualityComparer.Instance);
        foreach (var (first, second) in pairs)
        {
            places.TryAdd(first, places.Count);
            places.TryAdd(second, places.Count);
        }

        Rollout[] rollouts = [.. places.OrderBy(place => place.Value).Select(place => place.Key)];
        double[] scores = [.. rollouts.Select(rollout => rollout.Truncated ? -(_options.MissingEosPenalty ?? 0) : 0)];
        foreach (var (id, reward) in _rewards)
        {
            var values = RewardScores.Of(reward, id, rollouts, context).Values;
            _metrics["reward/" + id] = values.Average();
            for (var i = 0; i < scores.Length; i++)
            {
                scores[i] += values[i];
            }
        }

        return [.. pairs.Select(pair => 1 / (1 + Math.Exp((scores[places[pair.Second]] - scores[places[pair.First]]) / _options.Temperature)))];
    }
}
