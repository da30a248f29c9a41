namespace Plumbline.Tests.Plugins.OpenOptions;

/// <summary>Options that can't be made without a text.</summary>
/// <param name="Text">Any text.</param>
public sealed record NeedyOptions(string Text);

/// <summary>A reward with such options.</summary>
[Reward("open-options")]
public sealed class OpenOptions(NeedyOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => options.Text.Length;
}
