namespace Plumbline.Tests.Plugins.UncheckedOptions;

/// <summary>Options that throw when they are asked to check themselves.</summary>
public sealed record UncheckedOptions : IChecksItself
{
    /// <summary>Any text.</summary>
    public string Text { get; init; } = string.Empty;

    /// <inheritdoc/>
    public IEnumerable<string> Check() => Text.Length > 0 ? throw new NotSupportedException("this text was not foreseen") : [];
}

/// <summary>A reward with such options.</summary>
[Reward("unchecked-options")]
public sealed class Unchecked(UncheckedOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => options.Text.Length;
}
