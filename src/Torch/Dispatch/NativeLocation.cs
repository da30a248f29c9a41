using System.Runtime.InteropServices;

namespace TorchSharp.Dispatch;

/// <summary>Where the native library is: <c>$PLUMB_NATIVE</c>, beside the program (also as a package lays it out), or in the artifacts of the tree that holds the program.</summary>
internal static class NativeLocation
{
    private const string File = "libplumb_torch.so";

    internal static string Find()
    {
        if (Environment.GetEnvironmentVariable("PLUMB_NATIVE") is { Length: > 0 } named)
        {
            return System.IO.File.Exists(named) ? named
                : throw new DllNotFoundException($"PLUMB_NATIVE names {named}, and there is no such file");
        }

        foreach (var beside in new[] { Path.Combine(AppContext.BaseDirectory, File), Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", File) })
        {
            if (System.IO.File.Exists(beside))
            {
                return beside;
            }
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            foreach (var candidate in new[] { Path.Combine(folder.FullName, "native", File), Path.Combine(folder.FullName, "artifacts", "native", File) })
            {
                if (System.IO.File.Exists(candidate))
                {
                    return candidate;
                }
            }
        }

        throw new DllNotFoundException($"{File} was not found beside {AppContext.BaseDirectory} nor in artifacts/native above it; run ./plumb doctor, which builds it, or set PLUMB_NATIVE to its path");
    }
}
