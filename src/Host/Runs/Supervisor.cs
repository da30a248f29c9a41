using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Plumbline.Host.Terminal;

namespace Plumbline.Host.Runs;

/// <summary>Starts a worker for a job, shows what it tells, hands Ctrl-C on, and says what was in hand when it dies.</summary>
internal sealed class Supervisor(IRunView view, TimeSpan hangAfter)
{
    private readonly RunState _state = new();
    private readonly List<string> _words = [];
    private long _lastEvent = Stopwatch.GetTimestamp();
    private bool _stopping;
    private bool _hung;

    /// <summary>What is known of the run.</summary>
    internal RunState State => _state;

    /// <summary>Runs a job to its end, however it ends.</summary>
    /// <returns>The result, as in result.json.</returns>
    internal async Task<JsonObject> RunAsync(RunJob job)
    {
        await using var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        using var worker = Start(pipe.GetClientHandleAsString());
        pipe.DisposeLocalCopyOfClientHandle();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => OnSignal(signal, worker));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => OnSignal(signal, worker));
        await SendJob(worker, job).ConfigureAwait(false);

        var shown = Channel.CreateUnbounded<RunEvent>();
        using var over = new CancellationTokenSource();
        var listening = Listen(worker, shown.Writer);
        var showing = view.ShowAsync(shown.Reader.ReadAllAsync(CancellationToken.None));
        var watching = Watch(worker, over.Token);
        await Task.WhenAll(Forward(pipe, shown.Writer), listening).ConfigureAwait(false);
        await worker.WaitForExitAsync().ConfigureAwait(false);
        shown.Writer.Complete();
        await showing.ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        KeepWords();
        return Verdict(worker.ExitCode);
    }

    private static Process Start(string pipe)
    {
        var start = new ProcessStartInfo { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("the program's own path is unknown");
        start.FileName = program;
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(typeof(Supervisor).Assembly.Location);
        }

        start.ArgumentList.Add(Program.WorkerCommand);
        start.ArgumentList.Add(pipe);
        return Process.Start(start) ?? throw new InvalidOperationException("the worker did not start");
    }

    private static async Task SendJob(Process worker, RunJob job)
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

    private async Task Forward(Stream pipe, ChannelWriter<RunEvent> shown)
    {
        await foreach (var @event in EventReader.ReadAll(pipe).ConfigureAwait(false))
        {
            Volatile.Write(ref _lastEvent, Stopwatch.GetTimestamp());
            _state.See(@event);
            await shown.WriteAsync(@event).ConfigureAwait(false);
        }
    }

    /// <summary>What plugins and native libraries print is shown and kept.</summary>
    private async Task Listen(Process worker, ChannelWriter<RunEvent> shown)
    {
        await Task.WhenAll(Read(worker.StandardOutput), Read(worker.StandardError)).ConfigureAwait(false);

        async Task Read(StreamReader source)
        {
            const int MostShown = 30;
            while (await source.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                int count;
                lock (_words)
                {
                    _words.Add(line);
                    count = _words.Count;
                }

                if (count <= MostShown)
                {
                    shown.TryWrite(new Logged("info", count == MostShown ? "(more in worker.log)" : line));
                }
            }
        }
    }

    private void OnSignal(PosixSignalContext signal, Process worker)
    {
        signal.Cancel = true;
        if (_stopping)
        {
            // Asked twice: do not wait for the step's end.
            Kill(worker);
            return;
        }

        _stopping = true;
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

    private async Task Watch(Process worker, CancellationToken over)
    {
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), over).ConfigureAwait(false);
                if (Stopwatch.GetElapsedTime(Volatile.Read(ref _lastEvent)) > _state.Patience(hangAfter))
                {
                    _hung = true;
                    Kill(worker);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The worker has ended.
        }
    }

    private static void Kill(Process worker)
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

    private void KeepWords()
    {
        if (_words.Count > 0 && _state.Run is { } run)
        {
            File.WriteAllLines(Path.Combine(run.Folder, "worker.log"), _words);
        }
    }

    private JsonObject Verdict(int exitCode)
    {
        if (_state.End is { } end)
        {
            return end.Result;
        }

        if (_state.Refusal is { } refusal)
        {
            return new JsonObject { ["verdict"] = "refused", ["exit_code"] = ExitCodes.Refused, ["errors"] = new JsonArray([.. refusal.Errors.Select(error => (JsonNode)error)]) };
        }

        var interrupted = _stopping && exitCode == 128 + 9;
        var cause = _hung ? $"it gave no sign of life for {_state.Patience(hangAfter).TotalSeconds:F0} s and was ended (--hang-after sets the patience)"
            : interrupted ? "it was ended by a second interrupt, before its step was finished"
            : exitCode > 128 ? $"signal {exitCode - 128}{SignalName(exitCode - 128)}"
            : $"exit code {exitCode} without a result";
        var result = new JsonObject
        {
            ["run"] = _state.Run?.Name,
            ["verdict"] = interrupted ? "interrupted" : "died",
            ["exit_code"] = interrupted ? ExitCodes.Interrupted : ExitCodes.WorkerDied,
            ["folder"] = _state.Run?.Folder,
            ["error"] = $"the worker process died: {cause}. In hand: {_state.InWords}. metrics.jsonl holds every finished step",
            ["part"] = _state.Hand?.Part,
            ["plugin"] = _state.Hand?.Plugin,
            ["phase"] = _state.Hand?.Phase,
            ["stage"] = _state.Stage?.Name,
            ["step"] = _state.Stage is null ? null : _state.Done,
        };
        if (_state.Run is { } run && Directory.Exists(run.Folder))
        {
            RunFolder.Write(run.Folder, RunFolder.ResultFile, result);
        }

        return result;
    }

    private static string SignalName(int signal) => signal switch
    {
        4 => ", illegal instruction",
        6 => ", abort: a native library gave up, or the stack overflowed",
        7 => ", bus error",
        8 => ", arithmetic error",
        9 => ", killed: by a user, or for want of memory",
        11 => ", segmentation fault in native code",
        15 => ", terminated",
        _ => string.Empty,
    };
}
