using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>An error of libtorch; the message has the operator's name and the shapes of its arguments.</summary>
/// <remarks>As with TorchSharp, a caller catches <see cref="ExternalException"/>.</remarks>
internal sealed class TorchException : ExternalException
{
    /// <summary>An error with a message.</summary>
    public TorchException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a message and its cause.</summary>
    public TorchException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>An error without words; only for serializers.</summary>
    public TorchException()
    {
    }
}
