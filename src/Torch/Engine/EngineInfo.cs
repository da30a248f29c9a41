using TorchSharp.Dispatch;

namespace Plumbline.Engine;

/// <summary>Which libtorch is at work, for reports to people. Reading a member loads the native library.</summary>
public static unsafe class EngineInfo
{
    /// <summary>libtorch's version, such as <c>1.13.1</c>.</summary>
    public static string Version => Native.Text(Native.plumb_version());

    /// <summary>How libtorch was built, in its own words, over several lines.</summary>
    public static string Configuration => Native.Text(Native.plumb_config());

    /// <summary>The native library that reaches it.</summary>
    public static string NativeLibrary => NativeLocation.Find();
}
