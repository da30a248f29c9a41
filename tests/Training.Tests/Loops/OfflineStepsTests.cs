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

    [Fact]
    public void What_was_observed_is_context_and_no_token_of_the_answer()
    {
        var seen = Run(row => row["observed"] = new JsonArray(false, true), ("ab", ["cd", "e"], [0.5, -1]), ("b", ["f", "g"], [2, 3]));
        // The end belongs to the last step, which was observed.
        Assert.Contains(seen.StepIds[0], row => row.SequenceEqual([0L, 0L, -1L, -1L]));
        Assert.Contains(seen.StepIds[0], row => row.SequenceEqual([0L, -1L, -1L, -1L]));
        Assert.Contains("2 steps", Assert.Throws<PlumblineException>(() => Run(row => row["observed"] = new JsonArray(false), ("ab", ["cd", "e"], [0.5, -1]))).Message, StringComparison.Ordinal);
        Assert.Contains("every step", Assert.Throws<PlumblineException>(() => Run(row => row["observed"] = new JsonArray(true), ("ab", ["cd"], [0.5]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_function_begins_at_zero_trains_beside_the_policy_and_stays_for_later_stages()
    {
        using var tiny = new Tiny();
        var (objective, options) = (new ValuedRegression(), Valued(60));
        new OfflineSteps(options with { Objective = Part<StepObjective>.Of("valued", objective), ValueLearningRate = 0.02 }, tiny.Stage).Run(CancellationToken.None);
        Assert.All(objective.Values[0], value => Assert.Equal(0, value));
        // Neither loss sees what the other learns as anything but constants.
        Assert.All(objective.Constant, Assert.True);
        var (first, last) = (tiny.Recorder.Metrics[0], tiny.Recorder.Metrics[^1]);
        Assert.True(last["value_loss"] < 0.05 * first["value_loss"]);
        Assert.True(last["value_grad_norm"] > 0 && last["value_residuals"] > 0);
        Assert.Equal((0, 0), (first["value_min"], first["value_max"]));
        Assert.InRange(last["value_max"], 1, 3);
        // What was learnt is there for the next stage, which goes on with it.
        var later = new ValuedRegression();
        new OfflineSteps(options with { Objective = Part<StepObjective>.Of("valued", later), Steps = 1, ContinueValues = true }, Next(tiny)).Run(CancellationToken.None);
        Assert.True(later.Values[0].Zip(later.Mask[0]).Where(pair => pair.Second > 0).All(pair => Math.Abs(pair.First) > 0.1));
        var fresh = new ValuedRegression();
        new OfflineSteps(options with { Objective = Part<StepObjective>.Of("valued", fresh), Steps = 1 }, Next(tiny)).Run(CancellationToken.None);
        Assert.All(fresh.Values[0], value => Assert.Equal(0, value));
    }

    [Fact]
    public void The_policy_learns_as_it_would_without_the_value_loss()
    {
        // With a learning rate of nearly nothing the values stay 0, whatever their loss is.
        double[] Weights(double rate)
        {
            using var tiny = new Tiny();
            new OfflineSteps(Valued(1) with { ValueLearningRate = rate }, tiny.Stage).Run(CancellationToken.None);
            return tiny.Weights;
        }

        Assert.Equal(Weights(1e-12), Weights(0.5));
    }

    [Fact]
    public void Options_of_a_value_function_that_is_not_there_are_refused()
    {
        using var tiny = new Tiny();
        var plain = Valued(1) with { Objective = StepRegression.Part() };
        Assert.Contains("value_learning_rate", Refused(plain with { ValueLearningRate = 0.1 }), StringComparison.Ordinal);
        Assert.Contains("continue_values", Refused(plain with { ContinueValues = true }), StringComparison.Ordinal);
        Assert.Contains("no stage before", Refused(Valued(1) with { ContinueValues = true }), StringComparison.Ordinal);

        string Refused(OfflineStepsOptions options) => Assert.Throws<PlumblineException>(() => new OfflineSteps(options, tiny.Stage).Run(CancellationToken.None)).Message;
    }

    /// <summary>A later stage of the same run.</summary>
    private static StageContext Next(Tiny tiny) => new()
    {
        Run = tiny.Run, Index = 1, Name = "next", Services = tiny.Stage.Services, Recorder = new MemoryRecorder(), Log = tiny.Stage.Log,
    };

    private static OfflineStepsOptions Valued(int steps) => new()
    {
        Objective = ValuedRegression.Part(), Data = Data(null, ("ab", ["cd", "e"], [1, 1]), ("b", ["f"], [3])), Steps = steps, BatchSize = 2, LearningRate = 0.001,
    };

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
