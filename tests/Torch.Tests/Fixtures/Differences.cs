namespace Plumbline.Tests;

/// <summary>Gradients by backward passes against central differences, in float64.</summary>
internal static class Differences
{
    private const double Step = 1e-5;

    /// <summary>Checks the gradient of a weighted sum of all outputs by every element of every input.</summary>
    /// <param name="function">Gives any number of outputs; only real ones are weighed.</param>
    /// <param name="inputs">Float64; copies of them are the leaves.</param>
    internal static void Check(Func<Tensor[], Tensor[]> function, params Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        Tensor[] leaves = [.. inputs.Select(input => input.detach().clone().requires_grad_())];
        CheckLeaves(() => function(leaves), leaves);
    }

    /// <summary>The same for leaves that the function holds itself, such as a module's parameters; they are changed in place and left as they were.</summary>
    internal static void CheckLeaves(Func<Tensor[]> function, params Tensor[] leaves)
    {
        using var scope = NewDisposeScope();
        Loss(function()).backward();
        Tensor[] gradients = [.. leaves.Select(leaf => leaf.grad ?? zeros_like(leaf))];
        for (var i = 0; i < leaves.Length; i++)
        {
            var (values, expected) = (leaves[i].data<double>(), new double[leaves[i].numel()]);
            for (var j = 0; j < expected.Length; j++)
            {
                var at = values[j];
                values[j] = at + Step;
                var above = Loss(function()).ToDouble();
                values[j] = at - Step;
                var below = Loss(function()).ToDouble();
                values[j] = at;
                expected[j] = (above - below) / (2 * Step);
            }

            Same.Close(tensor(expected, leaves[i].shape), gradients[i], 1e-6, 1e-7, $"gradient by input {i},");
        }
    }

    // Different weights for all elements, so that errors in two of them don't cancel.
    private static Tensor Loss(Tensor[] outputs) => outputs.Where(output => output.is_floating_point()).Aggregate(zeros(1, dtype: ScalarType.Float64).sum(), (sum, output) =>
        sum + (output * (arange(output.numel(), dtype: ScalarType.Float64).reshape(output.shape) * 0.7 + 0.3).cos()).sum());
}
