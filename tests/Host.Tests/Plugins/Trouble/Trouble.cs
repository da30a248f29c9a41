using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Plumbline.Tests.Plugins.Trouble;

/// <summary>Ways in which a plugin can go wrong.</summary>
public enum Way
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>It throws.</summary>
    Throws,

    /// <summary>It uses a null reference, which the runtime learns of by a fault.</summary>
    DereferencesNull,

    /// <summary>It ends the process as if all were well.</summary>
    Exits,

    /// <summary>It aborts the process.</summary>
    FailsFast,

    /// <summary>Native code reads where there is nothing.</summary>
    Segfaults,

    /// <summary>It calls itself for ever.</summary>
    OverflowsStack,

    /// <summary>It never comes back.</summary>
    Hangs,

    /// <summary>It starts a thread that outlives the run.</summary>
    LeavesThread,

    /// <summary>It starts a process that holds the worker's output open.</summary>
    LeavesChild,

    /// <summary>It prints much.</summary>
    Talks,

    /// <summary>It gives a score that is no number.</summary>
    NotFinite,
}

/// <summary>Options of <c>trouble</c>.</summary>
public sealed record TroubleOptions
{
    /// <summary>What happens.</summary>
    public Way Way { get; init; }

    /// <summary>At which step.</summary>
    [NonNegative]
    public int At { get; init; }
}

/// <summary>Scores 1 and 0 in turn, until its step comes; then it goes wrong.</summary>
[Reward("trouble")]
public sealed partial class Trouble(TroubleOptions options) : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        ArgumentNullException.ThrowIfNull(context);
        if (context.Step == options.At)
        {
            Happen();
        }

        return new([.. rollouts.Select((_, i) => options.Way == Way.NotFinite && context.Step == options.At ? double.NaN : 1.0 - (i % 2))]);
    }

    private void Happen()
    {
        switch (options.Way)
        {
            case Way.Throws:
                throw new InvalidOperationException("a plugin's own mistake");
            case Way.DereferencesNull:
                _ = Nothing!.Length;
                break;
            case Way.Exits:
                Environment.Exit(0);
                break;
            case Way.FailsFast:
                Environment.FailFast("enough");
                break;
            case Way.Segfaults:
                _ = Length(8);
                break;
            case Way.OverflowsStack:
                _ = Deep(0);
                break;
            case Way.Hangs:
                Thread.Sleep(Timeout.Infinite);
                break;
            case Way.LeavesThread:
                new Thread(() => Thread.Sleep(Timeout.Infinite)).Start();
                break;
            case Way.LeavesChild:
                Process.Start(new ProcessStartInfo("sleep", "60"))!.Dispose();
                break;
            case Way.Talks:
                for (var i = 0; i < 100; i++)
                {
                    Console.WriteLine($"line {i}");
                }

                break;
            default:
                break;
        }
    }

    private static string? Nothing => Environment.GetEnvironmentVariable("PLUMB_NO_SUCH_VARIABLE");

    private static long Deep(long depth) => depth < 0 ? depth : Deep(depth + 1) + Deep(depth + 2);

    [DllImport("libc", EntryPoint = "strlen")]
    private static extern nint Length(nint text);
}
