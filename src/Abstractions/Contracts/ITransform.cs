namespace Plumbline;

/// <summary>Rows of data to other rows: labels flipped, pairs made from lists, answers sampled and ranked.</summary>
/// <remarks>What is random comes from the draws, so the same rows give the same result. One that needs a model takes the <see cref="StageContext"/> in its constructor.</remarks>
[Kind(Kinds.Transform)]
public interface ITransform
{
    /// <summary>The rows after it. An <see cref="Example.Index"/> stays unique: chance is keyed by it.</summary>
    IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel);
}
