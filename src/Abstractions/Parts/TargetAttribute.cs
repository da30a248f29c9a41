namespace Plumbline;

/// <summary>Names a pure static function that reference vectors check: <c>paper/function</c>.</summary>
/// <remarks>
/// Parameters are bound by name (snake_case in the vectors, camelCase in C#): tensors, plain numbers, texts and JSON from the
/// inputs, and one options record. A parameter with a default value may be absent. The function returns a <see cref="Tensor"/>, a
/// <see cref="Loss"/>, an <see cref="Outputs"/> or a record whose properties are the outputs.
/// An <see cref="IObjective"/> and an <see cref="IAdvantage"/> need no attribute: their target is their id,
/// for an advantage <c>id/advantages</c>.
/// </remarks>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TargetAttribute(string name) : Attribute
{
    /// <summary>The target's name in a vectors file.</summary>
    public string Name { get; } = name;
}
