using Plumbline.Plugins.Arithmetic;

namespace Plumbline.Tests;

public sealed class ArithmeticTests
{
    [Fact]
    public void Every_sum_is_either_trained_on_or_held_out_and_none_both()
    {
        var data = Load(new() { Largest = 9, HeldOut = 30 });
        Assert.Equal((70, 30), (data.Train.Count, data.HeldOut.Count));
        Assert.Equal(100, data.Train.Concat(data.HeldOut).Select(row => row.Text("prompt")).Distinct().Count());
    }

    [Fact]
    public void What_is_held_out_is_so_for_demonstrations_and_for_the_whole_alike()
    {
        var whole = Load(new() { Largest = 9, HeldOut = 30 });
        var demos = Load(new() { Largest = 9, HeldOut = 30, Demos = true, Demonstrations = 25 });
        Assert.Equal(Prompts(whole.HeldOut), Prompts(demos.HeldOut));
        Assert.Equal(25, demos.Train.Count);
        Assert.Empty(Prompts(demos.Train).Intersect(Prompts(whole.HeldOut)));
        Assert.Empty(Prompts(demos.Train).Except(Prompts(whole.Train)));
    }

    [Fact]
    public void A_row_holds_a_sum_and_its_result()
    {
        Assert.All(Load(new() { Largest = 12, HeldOut = 5 }).Train, row =>
        {
            var terms = row.Text("prompt").TrimEnd('=').Split('+').Select(int.Parse).ToArray();
            Assert.All(terms, term => Assert.InRange(term, 0, 12));
            Assert.Equal($"{terms.Sum()}", row.Text("completion"));
            Assert.Equal(row.Text("completion"), row.Text("answer"));
            Assert.Equal((terms[0] * 13) + terms[1], row.Index);
        });
    }

    [Fact]
    public void The_same_seed_gives_the_same_rows_and_another_seed_others()
    {
        Assert.Equal(Prompts(Load(new()).Train), Prompts(Load(new()).Train));
        Assert.NotEqual(Prompts(Load(new()).HeldOut), Prompts(Load(new(), seed: 8).HeldOut));
    }

    [Theory]
    [InlineData(9, false, 1, 100, true)]
    [InlineData(9, false, 1, 99, false)]
    [InlineData(9, true, 60, 41, true)]
    [InlineData(9, true, 60, 40, false)]
    public void More_examples_than_there_are_sums_are_refused(int largest, bool demos, int demonstrations, int heldOut, bool refused)
    {
        var errors = new ArithmeticOptions { Largest = largest, Demos = demos, Demonstrations = demonstrations, HeldOut = heldOut }.Check().ToArray();
        Assert.Equal(refused, errors.Length == 1);
    }

    private static IEnumerable<string> Prompts(IEnumerable<Example> rows) => rows.Select(row => row.Text("prompt"));

    private static DataSet Load(ArithmeticOptions options, long seed = 7) => new Arithmetic(options).Load(Tiny.NewRun(seed));
}
