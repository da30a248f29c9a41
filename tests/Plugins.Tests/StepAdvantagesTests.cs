using System.Text.Json.Nodes;
using Plumbline.Plugins.DirectAdvantage;
using Plumbline.Plugins.Table;
using TorchSharp;

namespace Plumbline.Tests.Plugins;

public sealed class StepAdvantagesTests
{
    [Fact]
    public void Advantages_of_an_answer_sum_to_its_outcome_less_the_value_of_its_start_and_shared_starts_have_one_value()
    {
        var rows = Sample(separator: null, completions: 16);
        Assert.Equal(2 * 8, rows.Count);
        Assert.All(rows, row => Assert.Equal(Number(row, "outcome") - List(row, "values")[0], List(row, "advantages").Sum(), 9));
        Assert.All(rows.GroupBy(row => row.Text("prompt")), group => Assert.Single(group.Select(row => List(row, "values")[0]).Distinct()));
        Assert.All(rows, row => Assert.Equal(3, List(row, "advantages").Length));
        Assert.Contains(rows, row => Number(row, "outcome") == 1);
    }

    [Fact]
    public void Values_come_to_the_exact_chance_with_many_completions() =>
        // Right is an answer without a 0; four numbers are equally likely at each of three places.
        Assert.All(Sample(separator: null, completions: 2000), row =>
        {
            var steps = row.Columns["steps"]!.AsArray().Select(step => (string)step!).ToArray();
            var values = List(row, "values");
            for (var step = 0; step < 3; step++)
            {
                Assert.Equal(steps.Take(step).Contains("0") ? 0 : Math.Pow(0.75, 3 - step), values[step], 0.06);
            }
        });

    [Fact]
    public void A_step_ends_with_its_separator()
    {
        foreach (var row in Sample(separator: "2", completions: 1))
        {
            var steps = row.Columns["steps"]!.AsArray().Select(step => (string)step!).ToArray();
            Assert.All(steps[..^1], step => Assert.EndsWith("2", step, StringComparison.Ordinal));
            Assert.All(steps, step => Assert.DoesNotContain("2 ", step, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_states_for_a_critic_are_the_distinct_starts_of_steps_with_their_values()
    {
        using var stage = Stage();
        var options = new DirectAdvantageStatesOptions { Reward = NoZero, Sampler = ToyStage.Sampler(3), Separator = null, Completions = 4 };
        var states = new StepStates(options, stage.Stage).Apply(Prompts(), new Draws(5), CancellationToken.None);
        Assert.Equal(states.Count, states.Select(state => (state.Text("prompt"), state.Text("completion"))).Distinct().Count());
        Assert.Equal(2, states.Count(state => state.Text("completion").Length == 0));
        Assert.All(states, state => Assert.InRange(Number(state, "values"), 0, state.Text("completion").Contains('0', StringComparison.Ordinal) ? 0 : 1));
    }

    private static Part<IReward> NoZero => Part<IReward>.Of("no-zero", new WithoutZero());

    private static ToyStage Stage()
    {
        var stage = new ToyStage();
        stage.Run.Models.Set("policy", new Table(new TableOptions { Prompts = 2, Positions = 3, Tokenizer = ToyStage.Numbers(4) }, stage.Run, ToyStage.Services));
        return stage;
    }

    private static IReadOnlyList<Example> Prompts() => [.. Enumerable.Range(0, 2).Select(i => new Example(i, new JsonObject { ["prompt"] = $"{i}" }))];

    private static IReadOnlyList<Example> Sample(string? separator, int completions)
    {
        using var stage = Stage();
        var options = new DirectAdvantageDataOptions { Reward = NoZero, Sampler = ToyStage.Sampler(3), Separator = separator, Completions = completions };
        return new StepAdvantages(options, stage.Stage).Apply(Prompts(), new Draws(5), CancellationToken.None);
    }

    private static double Number(Example row, string column) => row.FindNumber(column)!.Value;

    private static double[] List(Example row, string column) => [.. row.Columns[column]!.AsArray().Select(item => (double)item!)];

    private sealed class WithoutZero : RowReward
    {
        public override double Score(Rollout rollout) => rollout.Completion.Contains(0) ? 0 : 1;
    }
}
