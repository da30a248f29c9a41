using System.Diagnostics;
using System.Text.Json;

namespace Plumbline.Host.Runs;

/// <summary>The worker as a process: how it is started, told what to do, asked to stop and ended.</summary>
internal static class WorkerProcess
{
    /// <summary>Starts this program once more, as a worker that tells its events to a pipe.</summary>
    internal static Process Start(string pipe) =>
        Process.Start(Program(Host.Program.WorkerCommand, pipe)) ?? throw new InvalidOperationException("the worker did not start");

    /// <summary>How this program is started once more, with other arguments.</summary>
    internal static ProcessStartInfo Program(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("the program's own path is unknown");
        start.FileName = program;
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location);
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    /// <summary>Tells it what to do: the first line of its input.</summary>
    internal static async Task SendJobAsync(this Process worker, RunJob job)
    {
        try
        {
            await worker.StandardInput.WriteLineAsync(JsonSerializer.Serialize(job, RunJson.Default.RunJob)).ConfigureAwait(false);
            await worker.StandardInput.FlushAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It died at once; its exit code will say more.
        }
    }

    /// <summary>Asks it to end at the next step boundary.</summary>
    internal static void Stop(this Process worker)
    {
        try
        {
            worker.StandardInput.WriteLine(SupervisedLifetime.Stop);
            worker.StandardInput.Flush();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It has ended.
        }
    }

    /// <summary>Ends it at once, with all that it started.</summary>
    internal static void KillTree(this Process worker)
    {
        try
        {
            worker.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }
}
