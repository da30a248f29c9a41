using Plumbline.Tests.nn;
using Plumbline.Tests.Tensors;

namespace Plumbline.Tests.Autograd;

/// <summary>The operators of the table at the table's inputs, whose values keep away from kinks and ties.</summary>
public class GradientTests
{
    private static readonly string[] Differentiable =
    [
        .. PointwiseCalls.All.Keys.Except(
        [
            // Nothing real goes in or comes out.
            "isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "logical_xor", "bitwise and", "bitwise or", "bitwise not", "allclose",
            "eq", "ne", "lt", "le", "gt", "ge", "eq a number", "ne a number", "lt a number", "le a number", "gt a number", "ge a number",
            "divide integers", "divide and truncate", "divide and floor", "floor_divide", "remainder", "fmod",
            // Infinite inputs have no differences.
            "nan_to_num", "nan_to_num with values",
        ]),
        .. ReductionCalls.All.Keys.Except(
        [
            "sum of truth values", "sum in another type", "argmin", "argmax", "argmax over a dimension", "argmin over a dimension", "all", "any",
            "all over a dimension", "any over a dimension", "count_nonzero", "count_nonzero over a dimension", "nonzero", "bincount", "bincount with weights",
            "histc", "sort descending", "sort of equals in order", "argsort", "unique", "unique rows", "searchsorted", "searchsorted from the right", "quantile",
        ]),
        .. ShapeCalls.All.Keys,
        .. AlgebraCalls.All.Keys.Except(
        [
            "zeros", "ones", "full", "arange", "arange in steps", "linspace", "eye", "zeros_like", "ones_like in another type", "full_like",
            "to float32", "to float16", "to bfloat16", "to int64", "to bool",
            // Its gradient is of the symmetric part, a difference of one element is not.
            "cholesky",
        ]),
        .. FunctionalCalls.All.Keys.Except(["one_hot"]),
    ];

    // Weights of classes are constants to libtorch.
    private static readonly HashSet<string> ConstantWeights = ["cross_entropy with weights and smoothing", "binary_cross_entropy_with_logits"];

    private static readonly Dictionary<string, Func<Tensor[], Tensor[]>> Calls =
        new[] { PointwiseCalls.All, ReductionCalls.All, ShapeCalls.All, AlgebraCalls.All, FunctionalCalls.All }.SelectMany(calls => calls).ToDictionary();

    public static TheoryData<string> Names => [.. Differentiable];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_gradient_of_an_operator_is_its_slope(string name)
    {
        using var scope = NewDisposeScope();
        var inputs = ReferenceTable.Tensors(ReferenceTable.Entry("operators", name).GetProperty("inputs"));
        int[] real = [.. Enumerable.Range(0, inputs.Length).Where(i => inputs[i].is_floating_point() && !(i == 2 && ConstantWeights.Contains(name)))];
        Assert.NotEmpty(real);

        Differences.Check(
            leaves =>
            {
                Tensor[] all = [.. inputs];
                for (var i = 0; i < real.Length; i++)
                {
                    all[real[i]] = leaves[i];
                }

                return Calls[name](all);
            },
            [.. real.Select(i => inputs[i])]);
    }

    [Fact]
    public void A_second_derivative_is_the_slope_of_the_first()
    {
        using var scope = NewDisposeScope();
        var x = ReferenceTable.Start("first");

        Differences.Check(
            leaves => [autograd.grad([(leaves[0].tanh() * leaves[0].pow(3)).sum()], [leaves[0]], create_graph: true)[0]!],
            x);
    }
}
