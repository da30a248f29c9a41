using System.Runtime.InteropServices;

namespace Plumbline.Tests.Plugins.OwnNative;

/// <summary>Scores by native code that lies beside the plugin: forty more than the sample's number.</summary>
[Reward("own-native")]
public sealed class OwnNative : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return NativeScore(rollout.Sample);
    }

    [DllImport("plumb_own_native", EntryPoint = "plumb_own_native_score")]
    private static extern int NativeScore(int sample);
}
