using System.Runtime.CompilerServices;

namespace Plumbline.Tests.Plugins.WritesWhenLoaded;

/// <summary>A reward whose assembly leaves a file as soon as any code of it runs.</summary>
[Reward("writes-when-loaded")]
public sealed class WritesWhenLoaded : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => 0;

#pragma warning disable CA2255 // The point is to be noticed when loaded.
    [ModuleInitializer]
    internal static void Write()
    {
        if (Environment.GetEnvironmentVariable("PLUMB_TEST_TRACE") is { } path)
        {
            File.WriteAllText(path, "loaded");
        }
    }
#pragma warning restore CA2255
}
