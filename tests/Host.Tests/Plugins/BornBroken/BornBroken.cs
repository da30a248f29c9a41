namespace Plumbline.Tests.Plugins.BornBroken;

/// <summary>A reward whose constructor throws.</summary>
[Reward("born-broken")]
public sealed class BornBroken : RowReward
{
    /// <summary>Always fails.</summary>
    public BornBroken() => throw new InvalidOperationException("the moon is in the wrong house");

    /// <inheritdoc/>
    public override double Score(Rollout rollout) => 0;
}
