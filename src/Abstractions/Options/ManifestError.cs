namespace Plumbline.Options;

/// <summary>One thing wrong with a manifest.</summary>
/// <param name="Path">Where, as a JSON path such as <c>$.stages[1].beta</c>.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ManifestError(string Path, string Message)
{
    /// <summary>The error on one line.</summary>
    public override string ToString() => $"{Path}: {Message}";
}

/// <summary>A manifest was refused; holds every error at once.</summary>
public sealed class ManifestException : PlumblineException
{
    /// <summary>A refusal with its errors.</summary>
    public ManifestException(IReadOnlyList<ManifestError> errors)
        : base(string.Join(Environment.NewLine, errors)) => Errors = errors;

    /// <summary>A refusal with one message.</summary>
    public ManifestException(string message)
        : base(message) => Errors = [new ManifestError("$", message)];

    /// <summary>A refusal with a cause.</summary>
    public ManifestException(string message, Exception inner)
        : base(message, inner) => Errors = [new ManifestError("$", message)];

    /// <summary>A refusal without words; only for serializers.</summary>
    public ManifestException() => Errors = [];

    /// <summary>Everything that is wrong, in the order of the manifest.</summary>
    public IReadOnlyList<ManifestError> Errors { get; }
}
