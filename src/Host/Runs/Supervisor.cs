using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Plumbline.Host.Plugins;
using Plumbline.Host.Terminal;

namespace Plumbline.Host.Runs;

/// <summary>Starts a worker for a job, shows what it tells, hands Ctrl-C on, and says what was in hand when it dies.</summary>
internal sealed class Supervisor(IRunView view, TimeSpan hangAfter)
{
    /// <summary>How long the words of a worker that has ended are waited for: a process it left behind may hold the pipes open for ever.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);
    private static readonly Lock Starting = new();
    private readonly RunState _state = new();
    private readonly WorkerLog _log = new();
    private long _lastEvent = Stopwatch.GetTimestamp();
    private readonly Lock _turn = new();
    private Process? _instructed;
    private bool _stopping;
    private bool _hung;
    private TimeSpan? _callTimeout;
    private bool _overtime;

    /// <summary>What is known of the run.</summary>
    internal RunState State => _state;

    /// <summary>Runs a job to its end, however it ends.</summary>
    /// <returns>The result, as in result.json.</returns>
    internal async Task<JsonObject> RunAsync(RunJob job)
    {
        _callTimeout = job.Manifest["call_timeout"] is JsonValue limit && limit.TryGetValue<double>(out var seconds) && seconds > 0 ? TimeSpan.FromSeconds(seconds) : null;
        // Before there is a worker: from the moment it is there, an interrupt is the supervisor's to hand on.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        var (started, pipe) = Start();
        using var worker = started;
        await using var _ = pipe;
        await worker.SendJobAsync(job).ConfigureAwait(false);
        lock (_turn)
        {
            _instructed = worker;
            if (_stopping)
            {
                worker.Stop();
            }
        }

        var shown = Channel.CreateUnbounded<RunEvent>();
        using var over = new CancellationTokenSource();
        var reading = Task.WhenAll(Forward(pipe, shown.Writer), Listen(worker, shown.Writer));
        var showing = view.ShowAsync(shown.Reader.ReadAllAsync(CancellationToken.None));
        var watching = Watch(worker, over.Token);
        await worker.WaitForExitAsync().ConfigureAwait(false);
        await Task.WhenAny(reading, Task.Delay(Linger)).ConfigureAwait(false);
        shown.Writer.Complete();
        await showing.ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        _log.Close(_state.Run?.Folder);
        return Quarantined(Verdict(worker.ExitCode), worker.ExitCode, job);
    }

    /// <summary>The result of a manifest that was refused.</summary>
    internal static JsonObject Refusal(IEnumerable<string> errors) => new()
    {
        ["verdict"] = "refused",
        ["exit_code"] = ExitCodes.Refused,
        ["errors"] = new JsonArray([.. errors.Select(error => (JsonNode)error)]),
    };

    /// <summary>One worker at a time: it would inherit the end of another's pipe, and keep it open when that one has ended.</summary>
    private static (Process Worker, AnonymousPipeServerStream Pipe) Start()
    {
        lock (Starting)
        {
            var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
            var worker = WorkerProcess.Start(pipe.GetClientHandleAsString());
            pipe.DisposeLocalCopyOfClientHandle();
            return (worker, pipe);
        }
    }

    private async Task Forward(Stream pipe, ChannelWriter<RunEvent> shown)
    {
        await foreach (var @event in EventReader.ReadAll(pipe).ConfigureAwait(false))
        {
            Volatile.Write(ref _lastEvent, Stopwatch.GetTimestamp());
            _state.See(@event);
            shown.TryWrite(@event);
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
                var count = _log.Add(line, _state.Run?.Folder);
                if (count <= MostShown)
                {
                    shown.TryWrite(new Logged("info", count == MostShown ? "(more in worker.log)" : line));
                }
            }
        }
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        lock (_turn)
        {
            switch (_instructed)
            {
                case { } worker when _stopping:
                    // Asked twice: do not wait for the step's end.
                    worker.KillTree();
                    break;
                case { } worker:
                    worker.Stop();
                    break;
            }

            _stopping = true;
        }
    }

    private async Task Watch(Process worker, CancellationToken over)
    {
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(_callTimeout < TimeSpan.FromSeconds(4) ? 0.25 : 1), over).ConfigureAwait(false);
                if (Stopwatch.GetElapsedTime(Volatile.Read(ref _lastEvent)) > _state.Patience(hangAfter))
                {
                    _hung = true;
                    worker.KillTree();
                    return;
                }

                if (_state.CallTook > _callTimeout)
                {
                    _overtime = true;
                    worker.KillTree();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The worker has ended.
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
            return Refusal(refusal.Errors);
        }

        // A terminal's Ctrl-C reaches a worker that is still too young to leave it to the supervisor.
        var interrupted = _stopping && exitCode is (128 + 2) or (128 + 9) or (128 + 15);
        var cause = _overtime ? $"one call took longer than call_timeout allows, {_callTimeout!.Value.TotalSeconds:0.###} s, and the run was ended; mend the part, or raise call_timeout in the manifest"
            : _hung ? $"it gave no sign of life for {_state.Patience(hangAfter).TotalSeconds:F0} s and was ended (--hang-after sets the patience)"
            : interrupted ? exitCode == 128 + 9 ? "it was ended by a second interrupt, before its step was finished" : "the interrupt reached it while it was starting"
            : exitCode > 128 ? $"signal {exitCode - 128}{SignalName(exitCode - 128)}"
            : $"exit code {exitCode} without a result";
        var result = new JsonObject
        {
            ["run"] = _state.Run?.Name,
            ["verdict"] = interrupted ? "interrupted" : "died",
            ["exit_code"] = interrupted ? ExitCodes.Interrupted : ExitCodes.WorkerDied,
            ["folder"] = _state.Run?.Folder,
            ["error"] = $"the worker process died: {cause}. In hand: {_state.InWords}. metrics.jsonl holds every finished step{(_state.Weights is { } saved ? $", model.safetensors the weights after step {saved.Steps} of stage '{saved.Stage}'" : string.Empty)}",
            ["part"] = _state.Hand?.Part,
            ["plugin"] = _state.Hand?.Plugin,
            ["phase"] = _state.Hand?.Phase,
            ["stage"] = _state.StageInHand,
            ["step"] = _state.StepInHand,
        };
        if (_state.Run is { } run && Directory.Exists(run.Folder))
        {
            RunFolder.Write(run.Folder, RunFolder.ResultFile, result);
        }

        return result;
    }

    /// <summary>A plugin that ended its worker is refused from now on, until its files change. A killed worker may have been killed by a user, or for want of memory.</summary>
    private JsonObject Quarantined(JsonObject result, int exitCode, RunJob job)
    {
        var endedByUs = _hung || _overtime;
        if (job.NoQuarantine || (string?)result["verdict"] != "died" || _state.Hand?.Plugin is not { } name || (!endedByUs && exitCode is (128 + 9) or (128 + 15)))
        {
            return result;
        }

        try
        {
            var place = PluginPlace.Locate(job.Plugins);
            if (place.Scan().FirstOrDefault(plugin => plugin.Name == name) is { } plugin)
            {
                PluginState.Read(place.Folder).Quarantine(plugin, $"it ended a worker in {_state.InWords}");
                result["quarantined"] = name;
                result["error"] = $"{result["error"]}. Plugin '{name}' is quarantined until its files change; plumb plugins release {name} lets it run again";
                if (_state.Run is { } run && Directory.Exists(run.Folder))
                {
                    RunFolder.Write(run.Folder, RunFolder.ResultFile, result);
                }
            }
        }
        catch (Exception error) when (error is PlumblineException or IOException or UnauthorizedAccessException)
        {
            result["error"] = $"{result["error"]}. Plugin '{name}' could not be quarantined: {error.Message}";
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
