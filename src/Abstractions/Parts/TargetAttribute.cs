namespace Plumbline;

/// <summary>Names a pure function that reference vectors check: <c>paper/function</c>.</summary>
/// <remarks>
/// Parameters are bound by name (snake_case in the vectors, camelCase in C#): tensors, plain numbers, texts, lists and JSON from the
/// inputs, and one options record, whose type's name ends in <c>Options</c>; or one <see cref="Batch"/>, or a view of one, with all inputs. A parameter with a
/// default value may be absent; an input that no parameter takes is refused. The function returns a <see cref="Loss"/>, an <see cref="Outputs"/>
/// or a record whose properties are the outputs; a single value, such as a tensor or a number, where a case expects one output.
/// It is static, or a method of a part, which is then made with the case's options: so <c>Compute</c> of an <see cref="IAdvantage"/> may have a paper's name.
/// An <see cref="IObjective"/> and an <see cref="IAdvantage"/> need no attribute: their target is their id,
/// for an advantage <c>id/advantages</c>.
/// </remarks>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TargetAttribute(string name) : Attribute
{
    /// <summary>The target's name in a vectors file.</summary>
    public string Name { get; } = name;
}
