using System.Diagnostics;

namespace Plumbline.Tests.Host.Fixtures;

/// <summary>The program, run as a user runs it.</summary>
internal static class Plumb
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    /// <summary>Runs a command to its end.</summary>
    internal static Ended Run(params string[] arguments) => RunIn(Repository.Root, null, arguments);

    /// <summary>Runs a command to its end from a folder, with more environment.</summary>
    internal static Ended RunIn(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using var process = Start(folder, environment, arguments);
        return End(process, string.Join(' ', arguments));
    }

    /// <summary>Starts a command in a process group of its own, as a terminal does.</summary>
    internal static Process Start(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        // It replaces itself by the program, so the process is the program's.
        var start = new ProcessStartInfo("setsid", ["dotnet", Repository.Program, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("PLUMB_PLUGINS");
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>What a started command printed, when it has ended.</summary>
    internal static Ended End(Process process, string what = "plumb")
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(Longest) || !Task.WaitAll([output, error], Longest))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{what} did not end in {Longest}");
        }

        return new Ended(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>What a command left.</summary>
    /// <param name="Code">Its exit code.</param>
    /// <param name="Output">What it printed.</param>
    /// <param name="Error">What it printed to standard error.</param>
    internal sealed record Ended(int Code, string Output, string Error)
    {
        /// <summary>The last line printed, as JSON.</summary>
        internal JsonObject Result => JsonNode.Parse(Output.TrimEnd('\n').Split('\n')[^1])!.AsObject();

        /// <summary>Everything printed, as JSON.</summary>
        internal JsonObject Json() => JsonNode.Parse(Output)!.AsObject();

        /// <summary>Fails with everything printed unless the exit code is as expected.</summary>
        internal Ended With(int code)
        {
            Assert.True(Code == code, $"exit code {Code}, expected {code}\n{Output}\n{Error}");
            return this;
        }
    }
}
