namespace Plumbline.Tests.Plugins.PrivateLibrary;

/// <summary>Scores by a library that lies in the plugin's own folder.</summary>
[Reward("private-library")]
public sealed class PrivateLibrary : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return ParityLibrary.Parity.Of(rollout.Sample);
    }
}
