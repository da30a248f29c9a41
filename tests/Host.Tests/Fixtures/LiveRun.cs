using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Plumbline.Tests.Host.Fixtures;

/// <summary>A run under way, with its two processes.</summary>
internal sealed partial class LiveRun : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private readonly Process _process;

    /// <summary>Starts a run that would go on for long.</summary>
    internal LiveRun(TemporaryFolder folder, string manifest, params string[] arguments)
    {
        Out = folder.At("out");
        _process = Plumb.Start(folder.Path, null, ["run", folder.Write("live.jsonc", manifest), "--out", Out, .. arguments]);
    }

    /// <summary>The run's folder.</summary>
    internal string Out { get; }

    /// <summary>The supervisor's process.</summary>
    internal int Supervisor => _process.Id;

    /// <summary>The worker's process.</summary>
    internal int Worker { get; private set; }

    /// <summary>Waits for finished steps.</summary>
    internal LiveRun AfterSteps(int steps)
    {
        var metrics = Path.Combine(Out, "metrics.jsonl");
        Until(() => File.Exists(metrics) && File.ReadAllText(metrics).Count(letter => letter == '\n') >= steps, $"{steps} steps");
        Worker = Children(Supervisor).Single();
        return this;
    }

    /// <summary>Waits for the worker's process; it has done nothing yet.</summary>
    internal LiveRun AtStart()
    {
        Until(() => Children(Supervisor).Any(), "a worker");
        Worker = Children(Supervisor).Single();
        return this;
    }

    /// <summary>Sends a signal to a process, or with a negative number to its group.</summary>
    internal static void Send(int process, PosixSignal signal) => Assert.Equal(0, Kill(process, signal switch
    {
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGTERM => 15,
        var other => (int)other,
    }));

    /// <summary>Sends the supervisor a signal, once more each time it had time to act on it, until the worker is gone.</summary>
    internal void Insist(PosixSignal signal) => Until(
        () =>
        {
            Send(Supervisor, signal);
            Thread.Sleep(200);
            return !Alive(Worker);
        },
        $"the end of process {Worker}");

    /// <summary>Waits for the end.</summary>
    internal Plumb.Ended End() => Plumb.End(_process);

    /// <summary>Waits for a process to be gone.</summary>
    internal static void UntilGone(int process) => Until(() => !Alive(process), $"the end of process {process}");

    public void Dispose()
    {
        foreach (var process in new[] { Worker, Supervisor }.Where(id => id > 0 && Alive(id)))
        {
            _ = Kill(process, 9);
        }

        _process.Dispose();
    }

    private static void Until(Func<bool> condition, string what)
    {
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Longest, $"waited {Longest} for {what}");
            Thread.Sleep(20);
        }
    }

    /// <summary>A process that has ended and not been asked for its exit code counts as gone.</summary>
    private static bool Alive(int process) => Stat(process) is { } stat && stat[0] is not ("Z" or "X");

    private static IEnumerable<int> Children(int parent) => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0 && Stat(id) is { } stat && int.Parse(stat[1], CultureInfo.InvariantCulture) == parent);

    /// <summary>State, parent and more of a process; null where there is none.</summary>
    private static string[]? Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int process, int signal);
}
