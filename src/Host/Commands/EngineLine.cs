using System.Runtime.InteropServices;
#if LIBTORCH_ENGINE
using Plumbline.Engine;
#else
using TorchSharp;
#endif

namespace Plumbline.Host.Commands;

/// <summary>What computes here, in a line: the engine, libtorch, the kind of machine.</summary>
internal static class EngineLine
{
    /// <exception cref="PlumblineException">libtorch can't be loaded.</exception>
    internal static string Text()
    {
        try
        {
#if LIBTORCH_ENGINE
            return $"Plumbline.Torch over libtorch {EngineInfo.Version}, {RuntimeInformation.RuntimeIdentifier}";
#else
            return $"TorchSharp {typeof(torch).Assembly.GetName().Version}, {RuntimeInformation.RuntimeIdentifier}";
#endif
        }
        catch (Exception error) when (error is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new PlumblineException($"the engine can't be used: {error.GetBaseException().Message.ReplaceLineEndings(" ")}; plumb doctor says more", error);
        }
    }
}
