namespace Plumbline;

/// <summary>An error meant for the person who can mend it: what was wrong, where, and what would be right.</summary>
public class PlumblineException : Exception
{
    /// <summary>An error with a message.</summary>
    public PlumblineException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a message and its cause.</summary>
    public PlumblineException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>An error without words; only for serializers.</summary>
    public PlumblineException()
    {
    }
}

/// <summary>A pure function was given inputs it must refuse. The message names the input or option.</summary>
public sealed class InvalidInputException : PlumblineException
{
    /// <summary>An error with a message.</summary>
    public InvalidInputException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a message and its cause.</summary>
    public InvalidInputException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>An error without words; only for serializers.</summary>
    public InvalidInputException()
    {
    }
}
