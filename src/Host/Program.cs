using System.CommandLine;
using System.IO.Pipes;
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

        // Ctrl-C is the supervisor's to handle: it waits for the worker's step to end.
        return await CommandTree.Build().Parse(arguments)
            .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null })
            .ConfigureAwait(false);
    }

    private static async Task<int> Work(string pipe)
    {
        using var events = new EventWriter(new AnonymousPipeClientStream(PipeDirection.Out, pipe));
        var input = Console.In;
        // The terminal sends Ctrl-C to the worker too; only the supervisor's word counts.
        using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, signal => signal.Cancel = true);
        return await Worker.RunAsync(Worker.ReadJob(input), events, input).ConfigureAwait(false);
    }
}
