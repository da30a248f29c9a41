using TorchSharp.Dispatch;

namespace Plumbline.Engine;

/// <summary>The engine as a whole: which libtorch is at work, and what the process does with signals. Using a member loads the native library.</summary>
public static unsafe class EngineInfo
{
    /// <summary>libtorch's version, such as <c>1.13.1</c>.</summary>
    public static string Version => Native.Text(Native.plumb_version());

    /// <summary>How libtorch was built, in its own words, over several lines.</summary>
    public static string Configuration => Native.Text(Native.plumb_config());

    /// <summary>The native library that reaches it.</summary>
    public static string NativeLibrary => NativeLocation.Find();

    /// <summary>
    /// From now on a SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT that is sent to this process ends it. The .NET runtime alone swallows the first
    /// one. Faults in code, null references among them, are handled as before.
    /// </summary>
    public static void DieWhenTold() => Native.plumb_die_when_told();
}
