using System.Diagnostics;
using System.Runtime.InteropServices;
using Plumbline.Host.Runs;
using Plumbline.Host.Terminal;

namespace Plumbline.Host.Claims;

/// <summary>Runs the arms of claims, some at a time, each as <c>plumb run</c> would: a supervisor and a worker process of its own.</summary>
internal sealed class Reproduction(string? plugins, int jobs, IClaimView view) : IDisposable
{
    private static readonly TimeSpan HangAfter = TimeSpan.FromMinutes(5);
    private readonly SemaphoreSlim _free = new(jobs);
    private volatile bool _stopping;

    /// <summary>Whether Ctrl-C was pressed.</summary>
    internal bool Stopping => _stopping;

    /// <summary>Runs every arm and seed of a claim under a folder.</summary>
    internal async Task<IReadOnlyList<RunOutcome>> RunAsync(ClaimFile file, string folder)
    {
        // Each supervisor hands the signal on to its own worker; here no more are begun.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        return await Task.WhenAll(file.Runs.Select(run => RunAsync(file, run, folder))).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();

    private async Task<RunOutcome> RunAsync(ClaimFile file, ClaimRun run, string folder)
    {
        var path = Path.Combine(folder, run.Path);
        await _free.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_stopping)
            {
                return RunOutcome.NotBegun(run, path);
            }

            var began = Stopwatch.GetTimestamp();
            var result = await new Supervisor(view.Of(run.Path), HangAfter).RunAsync(new RunJob
            {
                Manifest = run.Manifest,
                // What a claim's data refers to lies beside it.
                BaseFolder = file.Paper.Plugin.Folder,
                Plugins = plugins,
                Out = path,
            }).ConfigureAwait(false);
            var outcome = new RunOutcome(run, path, result, Stopwatch.GetElapsedTime(began));
            view.Ended(outcome);
            return outcome;
        }
        finally
        {
            _free.Release();
        }
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _stopping = true;
    }
}
