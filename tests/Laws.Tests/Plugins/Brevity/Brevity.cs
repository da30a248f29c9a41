namespace Plumbline.Plugins.Brevity;

/// <summary>One minus the answer's length over the longest allowed; never below zero.</summary>
[Reward("brevity")]
public sealed class Brevity(BrevityOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) =>
        Math.Max(0, 1 - (rollout.Completion.Length / (double)options.Longest));
}

/// <summary>Options of <c>brevity</c>.</summary>
public sealed record BrevityOptions
{
    /// <summary>Tokens at which the reward reaches zero.</summary>
    [Positive]
    public int Longest { get; init; } = 64;
}
