using System.CommandLine;
using System.CommandLine.Invocation;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using Plumbline.Host.Commands;
using Plumbline.Host.Runs;

namespace Plumbline.Host;

/// <summary>The program <c>plumb</c>: a supervisor with commands for users, and the worker that it starts.</summary>
internal static class Program
{
    /// <summary>The first argument of a worker; not for users.</summary>
    internal const string WorkerCommand = "worker";

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is [WorkerCommand, var pipe])
        {
            return await Work(pipe).ConfigureAwait(false);
        }

        if (arguments is [PluginsCheckCommand.LoadCommand, var folder, var vectors])
        {
            var loaded = PluginsCheckCommand.Load(folder, vectors.Length == 0 ? null : vectors);
            // Not a return: a thread that a plugin left behind would keep the process alive.
            Environment.Exit(loaded);
            return loaded;
        }

        // Ctrl-C is the supervisor's to handle: it waits for the worker's step to end.
        var parsed = CommandTree.Build().Parse(arguments);
        var code = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
        return parsed.Action is ParseErrorAction ? ExitCodes.Refused : code;
    }

    private static async Task<int> Work(string pipe)
    {
        using var events = new EventWriter(new AnonymousPipeClientStream(PipeDirection.Out, pipe));
        var input = Console.In;
        // A terminal or a service manager signals the whole group, the worker too; only the supervisor's word counts.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = true);
        var code = await Worker.RunAsync(Worker.ReadJob(input), events, input).ConfigureAwait(false);
        // Not a return: a thread that a plugin left behind would keep the process alive.
        Environment.Exit(code);
        return code;
    }
}
