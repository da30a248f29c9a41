using Plumbline.Plugins.ChoiceTable;
using Plumbline.Training;
using Plumbline.Training.Agents;
using Plumbline.Training.Environments;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class ChoiceTableTests
{
    private static readonly Part<ITextEnvironment> House = Part<ITextEnvironment>.Of("mini-house", new MiniHouse(new MiniHouseOptions()));

    [Fact]
    public void An_option_begins_with_the_logarithm_of_how_often_it_was_shown()
    {
        var shown = new DemonstrationOptions { Environment = House, Tasks = 3 };
        using var table = New(new ChoiceTableOptions { Demonstrations = shown });
        var turns = Demonstrations.Of(shown, new MiniHouse(new MiniHouseOptions()), Run.Draws.Key("demonstrations")).SelectMany(demonstration => demonstration.Turns).ToList();
        foreach (var same in turns.GroupBy(turn => turn.Seen.Text))
        {
            var legal = same.First().Seen.LegalActions!;
            double[] logs = [.. legal.Select(action => Math.Log(1 + same.Count(turn => turn.Action == action)))];
            double[] logits = Logits(table, [same.Key], legal);
            Assert.All(logs.Zip(logits), pair => Assert.Equal(pair.First - logs.Average(), pair.Second, 1e-12));
        }
    }

    [Fact]
    public void A_longer_context_begins_where_its_observation_does_and_learns_apart()
    {
        var shown = new DemonstrationOptions { Environment = House, Tasks = 2 };
        using var table = New(new ChoiceTableOptions { Demonstrations = shown, Context = 3 });
        var first = new MiniHouse(new MiniHouseOptions()).Reset(0).Observation;
        string[] one = ["somewhere", "go to table", first.Text], other = ["elsewhere", "go to table", first.Text];
        var start = Logits(table, [first.Text], first.LegalActions!);
        Assert.Contains(start, logit => logit != 0);
        Assert.Equal(start, Logits(table, one, first.LegalActions!));
        table.Logits([new Choice(one, first.LegalActions!)]).log_softmax(-1)[0, 0].backward();
        using (no_grad())
        {
            var parameter = table.Network.parameters().Single();
            parameter.add_(parameter.grad!);
        }

        Assert.NotEqual(start, Logits(table, one, first.LegalActions!));
        Assert.Equal(start, Logits(table, other, first.LegalActions!));
    }

    [Fact]
    public void Options_keep_their_places_in_whatever_order_they_come()
    {
        using var table = New(new ChoiceTableOptions());
        using (no_grad())
        {
            table.Logits([new Choice(["x"], ["a", "b", "c"])]);
            table.Network.parameters().Single()[0].copy_(arange(16, float64));
        }

        Assert.Equal([2, 0], Logits(table, ["x"], ["c", "a"]));
        var two = table.Logits([new Choice(["x"], ["b"]), new Choice(["y"], ["b", "d"])]);
        Assert.Equal(double.NegativeInfinity, two[0, 1].ToDouble());
        Assert.Equal(0, two[1, 1].ToDouble());
    }

    [Fact]
    public void A_frozen_copy_stays_as_it_was_and_meets_contexts_of_its_own()
    {
        using var table = New(new ChoiceTableOptions());
        Logits(table, ["x"], ["a", "b"]);
        using var frozen = (ChoiceTable)table.Freeze();
        using (no_grad())
        {
            table.Network.parameters().Single().add_(1);
        }

        Assert.Equal([0, 0], Logits(frozen, ["x"], ["a", "b"]));
        Logits(frozen, ["z"], ["a"]);
        Assert.Equal((1, 2), (table.Met, frozen.Met));
    }

    [Fact]
    public void A_full_table_says_what_to_raise()
    {
        using var table = New(new ChoiceTableOptions { Contexts = 1, Options = 2 });
        Logits(table, ["x"], ["a", "b"]);
        Assert.Contains("raise options", Assert.Throws<PlumblineException>(() => Logits(table, ["x"], ["c"])).Message, StringComparison.Ordinal);
        Assert.Contains("raise contexts", Assert.Throws<PlumblineException>(() => Logits(table, ["y"], ["a"])).Message, StringComparison.Ordinal);
        Assert.Contains("odd", Assert.Single(new ChoiceTableOptions { Context = 2 }.Check()), StringComparison.Ordinal);
    }

    private static RunContext Run { get; } = new() { Name = "table", Folder = ".", BaseFolder = ".", Seed = 4, Device = CPU, Dtype = float64 };

    private static ChoiceTable New(ChoiceTableOptions options) => new(options, Run, null!);

    private static double[] Logits(ChoiceTable table, string[] history, IReadOnlyList<string> options)
    {
        using var still = no_grad();
        return table.Logits([new Choice(history, options)])[0].data<double>().ToArray();
    }
}
