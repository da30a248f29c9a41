using Plumbline.Training;
using Plumbline.Training.Models;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Models;

public sealed class ValueModelTests
{
    [Fact]
    public void It_begins_at_zero_beside_any_model_and_trains()
    {
        using var tiny = new Tiny();
        using var table = NewTable();
        foreach (var policy in new ICausalModel[] { tiny.Policy, table })
        {
            using var values = ValueModel.Beside(policy);
            Assert.Equal([1, 2], values.Values([new([2], [1, 0])]).shape);
            Assert.Equal(0, values.Values([new([2], [1, 0])]).abs().max().ToDouble());
            Assert.NotEmpty(values.Network.parameters());
            Assert.All(values.Network.parameters(), parameter => Assert.True(parameter.requires_grad));
        }
    }

    [Fact]
    public void Beside_a_table_each_state_has_a_number_of_its_own()
    {
        using var table = NewTable();
        using var values = Numbered(table);
        // The value before each token of the row's prompt; after the last one it is that of the state there.
        Assert.Equal([10.0, 11.0, 12.0], values.Values([new([1], [3, 3, 0])]).reshape(-1).to_type(ScalarType.Float64).data<double>().ToArray());
        Assert.Equal([20.0, 22.0, 13.0], values.After([new([2], []), new([2], [3, 1]), new([1], [0, 1, 2])]));
    }

    [Fact]
    public void After_an_answer_it_says_what_it_says_before_the_next_token()
    {
        using var tiny = new Tiny();
        using var values = ValueModel.Beside(tiny.Policy);
        using var still = no_grad();
        foreach (var parameter in values.Network.parameters())
        {
            parameter.add_(0.1);
        }

        var before = values.Values([new([1, 2], [3, 4, 5])]).reshape(-1).to_type(ScalarType.Float64).data<double>().ToArray();
        var after = values.After([new([1, 2], []), new([1, 2], [3]), new([1, 2], [3, 4])]);
        Assert.All(before.Zip(after), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        using var frozen = (ValueModel)values.Freeze();
        Assert.Equal(after, frozen.After([new([1, 2], []), new([1, 2], [3]), new([1, 2], [3, 4])]));
        Assert.All(frozen.Network.parameters(), parameter => Assert.False(parameter.requires_grad));
    }

    [Fact]
    public void A_beam_search_by_value_ends_where_the_value_is_highest()
    {
        using var table = NewTable();
        var run = Tiny.NewRun(3);
        run.Models.Set("value", Rising(table));
        var (services, space) = (new Tiny.NoServices(), new TextStepsOptions { StepTokens = 1, StepEnd = null, MaxNewTokens = 2 });
        var search = Part<ISearch>.Of("beam", new Beam(
            new BeamOptions { Beams = 2, Depth = 2, Candidates = 4, Scorer = Part<IStateValue>.Of("trained-value", new TrainedValue(new TrainedValueOptions(), run)) }, services));
        var sampler = new TreeSearch(new TreeSearchOptions { Search = search, Space = Part<ISearchSpaces>.Of("text-steps", new TextSteps(space, services)) }, services);
        var rollout = Assert.Single(sampler.Sample(table, [new SamplingRequest(new Example(0, []), 0, [1], 1, new Draws(4))], TestContext.Current.CancellationToken));
        Assert.Equal([3, 3], rollout.Completion);
        run.Models.Dispose();
    }

    private static TableModel NewTable() => new(new Places(), zeros([3, 3, 4]));

    /// <summary>Values 10 p + t of prompt p at place t.</summary>
    private static ValueModel Numbered(TableModel table)
    {
        var values = ValueModel.Beside(table);
        using var still = no_grad();
        values.Network.parameters().Single().copy_((arange(3).unsqueeze(1) * 10 + arange(4)).unsqueeze(2).to_type(ScalarType.Float32));
        return values;
    }

    /// <summary>A value that rises with the number of the last token: that of another table, whose rows the last token chooses.</summary>
    private static ValueModel Rising(TableModel table)
    {
        using var policy = new LastToken(table);
        var values = ValueModel.Beside(policy);
        using var still = no_grad();
        values.Network.parameters().Single().copy_(arange(4).reshape(4, 1, 1).expand(4, 4, 1).to_type(ScalarType.Float32));
        return values;
    }

    /// <summary>A table whose row is the last token of the sequence.</summary>
    private sealed class LastToken(TableModel like) : TableModel(like.Tokenizer, zeros([4, 3, 4]))
    {
        protected override Tensor Row(Tensor tokens) => tokens.select(1, tokens.shape[1] - 1);
    }

    private sealed class Places : ITokenizer
    {
        public int VocabularySize => 4;

        public int? EosId => null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [.. text.Split(' ').Select(int.Parse)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
    }
}
