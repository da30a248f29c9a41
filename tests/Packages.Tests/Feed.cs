using System.Diagnostics;

namespace Plumbline.Tests.Packages;

/// <summary>The framework's packages of this build, in a folder; and a shell in which an author works with them.</summary>
internal static class Feed
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
    private static readonly Lazy<string> Made = new(Make);

    /// <summary>The folder.</summary>
    internal static string Folder => Made.Value;

    /// <summary>Where restored packages are kept, apart from the user's own: ours are packed anew under the same version.</summary>
    private static string Restored { get; } = Path.Combine(Repository.Root, "artifacts", "test-packages");

    /// <summary>Runs a script of bash in a folder; it ends with its first command that fails.</summary>
    /// <returns>Everything it printed.</returns>
    internal static string Author(TemporaryFolder folder, string script, string? at = null)
    {
        var log = folder.At("shell.log");
        var start = new ProcessStartInfo("bash", ["-c", $"exec bash -euo pipefail '{folder.Write("shell.sh", script)}' > '{log}' 2>&1 < /dev/null"]) { WorkingDirectory = at ?? folder.Path };
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["PACKAGES"] = Folder,
            ["NUGET_PACKAGES"] = Restored,
            ["DOTNET_CLI_HOME"] = folder.At("home"),
            ["XDG_DATA_HOME"] = folder.At("data"),
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_NOLOGO"] = "1",
            // Servers that outlive a build would hold on to the folder.
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["UseSharedCompilation"] = "false",
        })
        {
            start.Environment[name] = value;
        }

        start.Environment.Remove("PLUMB_PLUGINS");
        using var process = Process.Start(start)!;
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"the script did not end in {Longest}\n{File.ReadAllText(log)}");
        }

        var output = File.ReadAllText(log);
        Assert.True(process.ExitCode == 0, $"the script ended with exit code {process.ExitCode}\n{output}");
        return output;
    }

    private static string Make()
    {
        var folder = Path.Combine(Repository.Root, "artifacts", "test-feed");
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        foreach (var old in Directory.Exists(Restored) ? Directory.EnumerateDirectories(Restored, "plumbline.*") : [])
        {
            Directory.Delete(old, recursive: true);
        }

        var start = new ProcessStartInfo("dotnet", ["build", Path.Combine(Repository.Root, "build", "Pack.proj"), "-v", "quiet", "-nologo", "-nodeReuse:false", $"-p:PackageOutputPath={folder}"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        return folder;
    }
}
