namespace Plumbline.Plugins.Letters;

/// <summary>Options of <c>letter-balance</c>.</summary>
public sealed record LetterBalanceOptions
{
    /// <summary>How much #a - #b counts.</summary>
    public double Content { get; init; } = 1;

    /// <summary>How much each letter counts: above 0 it likes long answers.</summary>
    public double Length { get; init; }
}

/// <summary>The letters task's reward: the number of a less the number of b, and, where asked for, the length.</summary>
[Reward("letter-balance")]
public sealed class LetterBalance(LetterBalanceOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return (options.Content * Letters.Balance(rollout.Text)) + (options.Length * rollout.Text.Length);
    }
}
