using System.Text.Json.Nodes;
using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class OfflineStepsTests
{
    [Fact]
    public void Each_token_knows_its_step_and_the_end_belongs_to_the_last_one()
    {
        var seen = Run(("ab", ["cd", "e"], [0.5, -1]), ("b", ["f"], [2]));
        // The rows come in an order of their own.
        Assert.Contains(seen.StepIds[0], row => row.SequenceEqual([0L, 0L, 1L, 1L]));
        Assert.Contains(seen.StepIds[0], row => row.SequenceEqual([0L, 0L, -1L, -1L]));
        Assert.Equal([-1, 0, 0.5, 2], seen.Advantages[0].Order());
    }

    [Fact]
    public void A_truncated_answer_has_no_end()
    {
        var seen = Run(row => row["truncated"] = true, ("ab", ["cd", "e"], [0.5, -1]));
        Assert.Equal([0L, 0L, 1L], seen.StepIds[0][0]);
    }

    [Fact]
    public void A_list_must_have_a_number_for_each_step() =>
        Assert.Contains("2 steps", Assert.Throws<PlumblineException>(() => Run(("ab", ["cd", "e"], [0.5]))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_row_without_steps_is_named() =>
        Assert.Contains("row 0", Assert.Throws<PlumblineException>(() => Run(row => row.Remove("steps"), ("ab", ["cd"], [0.5]))).Message, StringComparison.Ordinal);

    [Fact]
    public void The_log_ratios_come_to_their_targets()
    {
        using var tiny = new Tiny();
        var options = new OfflineStepsOptions { Objective = StepRegression.Part(), Data = Data(null, ("ab", ["cd", "e"], [0.5, -1])), Steps = 60, BatchSize = 1, LearningRate = 0.01 };
        new OfflineSteps(options, tiny.Stage).Run(CancellationToken.None);
        Assert.Equal(0.625, tiny.Recorder.Metrics[0]["loss"], 4);
        Assert.True(tiny.Recorder.Metrics[^1]["loss"] < 0.01);
    }

    private static StepRegression Run(params (string Prompt, string[] Steps, double[] Numbers)[] rows) => Run(null, rows);

    private static StepRegression Run(Action<JsonObject>? change, params (string Prompt, string[] Steps, double[] Numbers)[] rows)
    {
        using var tiny = new Tiny();
        var objective = new StepRegression();
        new OfflineSteps(new OfflineStepsOptions { Objective = Part<StepObjective>.Of("step-regression", objective), Data = Data(change, rows), Steps = 1, BatchSize = rows.Length }, tiny.Stage).Run(CancellationToken.None);
        return objective;
    }

    private static Part<IData> Data(Action<JsonObject>? change, params (string Prompt, string[] Steps, double[] Numbers)[] rows) => Part<IData>.Of("memory", new Rows([.. rows.Select((row, i) =>
    {
        var columns = new JsonObject
        {
            ["prompt"] = row.Prompt,
            ["steps"] = new JsonArray([.. row.Steps.Select(step => (JsonNode)step)]),
            ["advantages"] = new JsonArray([.. row.Numbers.Select(number => (JsonNode)number)]),
        };
        change?.Invoke(columns);
        return new Example(i, columns);
    })]));

    private sealed class Rows(IReadOnlyList<Example> rows) : IData
    {
        public DataSet Load(RunContext run) => new(rows, []);
    }
}
