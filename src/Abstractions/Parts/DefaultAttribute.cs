namespace Plumbline;

/// <summary>Gives another default to an option of the loop that runs an algorithm, or names the part that fills one of its slots.</summary>
/// <example><c>[Default("learning_rate", 1e-6)]</c>, <c>[Default("advantage", "group-relative")]</c>, <c>[Default("sampler.temperature", 0.7)]</c></example>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class DefaultAttribute(string path, object value) : Attribute
{
    /// <summary>The option as a manifest spells it; a dot leads into a nested part.</summary>
    public string Path { get; } = path;

    /// <summary>A string, bool, int or double. For a slot, the id of the part.</summary>
    public object Value { get; } = value;
}
