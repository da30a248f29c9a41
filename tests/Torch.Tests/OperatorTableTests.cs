using Plumbline.Tests.nn;
using Plumbline.Tests.Tensors;

namespace Plumbline.Tests;

public class OperatorTableTests
{
    private static readonly Dictionary<string, Func<Tensor[], Tensor[]>> Calls =
        new[] { PointwiseCalls.All, ReductionCalls.All, ShapeCalls.All, AlgebraCalls.All, FunctionalCalls.All }.SelectMany(calls => calls).ToDictionary();

    public static TheoryData<string> Names => [.. ReferenceTable.Names("operators")];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operator_gives_what_PyTorch_gives(string name)
    {
        using var scope = NewDisposeScope();
        var entry = ReferenceTable.Entry("operators", name);
        var expected = ReferenceTable.Tensors(entry.GetProperty("outputs"));

        var actual = Calls[name](ReferenceTable.Tensors(entry.GetProperty("inputs")));

        Assert.Equal(expected.Length, actual.Length);
        foreach (var (wanted, found) in expected.Zip(actual))
        {
            Assert.Equal(wanted.dtype, found.dtype);
            Same.Close(wanted, found, what: name);
        }
    }

    [Fact]
    public void Every_entry_of_the_table_has_a_call_and_every_call_an_entry() =>
        Assert.Equal(ReferenceTable.Names("operators").Order(StringComparer.Ordinal), Calls.Keys.Order(StringComparer.Ordinal));
}
