using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.KnapsackRl;

/// <summary>The questions of the claim of knapsack-rl: 64 with ten answers each, of which one is right; half of them all but hopeless at the start, a quarter solved.</summary>
internal static class Questions
{
    internal const int Count = 64;
    internal const int Answers = 10;

    internal static int Right(RunContext run, int question) => run.Draws.Key("knapsack-rl").Key(question).Key("right").Below(Answers);

    /// <summary>The probability of the right answer at the start.</summary>
    internal static double Start(RunContext run, int question)
    {
        var u = run.Draws.Key("knapsack-rl").Key(question).Key("start").Uniform();
        return question < 32 ? Math.Pow(10, -3 + (1.7 * u)) : question < 48 ? 0.05 + (0.55 * u) : 0.9 + (0.095 * u);
    }
}

/// <summary>The questions of the claim of knapsack-rl, each a number, with the number of its right answer.</summary>
[Data("knapsack-rl-questions")]
public sealed class QuestionData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Questions.Count).Select(question => new Example(question, new JsonObject
        {
            ["prompt"] = question.ToString(CultureInfo.InvariantCulture),
            ["answer"] = Questions.Right(run, question).ToString(CultureInfo.InvariantCulture),
        }))],
        []);
}

/// <summary>1 for the right answer, else 0; of the claim of knapsack-rl.</summary>
[Reward("knapsack-rl-right")]
public sealed class RightReward : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return rollout.Text == rollout.Example.Text("answer") ? 1 : 0;
    }
}

/// <summary>Options of <c>knapsack-rl-table</c>.</summary>
public sealed record QuestionTableOptions
{
    /// <summary>Text to tokens; at least 64.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>A table of logits that answers each question of the claim of knapsack-rl with the success it is to begin with.</summary>
[Model("knapsack-rl-table")]
public sealed class QuestionTable(QuestionTableOptions options, RunContext run, IServiceProvider services) : TableModel(options.Tokenizer.Create(services), Logits(run))
{
    private static Tensor Logits(RunContext run)
    {
        var logits = new double[Questions.Count * Questions.Answers];
        for (var question = 0; question < Questions.Count; question++)
        {
            // The other answers share the rest alike.
            var p = Questions.Start(run, question);
            logits[(question * Questions.Answers) + Questions.Right(run, question)] = Math.Log(p / (1 - p) * (Questions.Answers - 1));
        }

        return tensor(logits, [Questions.Count, 1, Questions.Answers], device: run.Device).to_type(run.Dtype);
    }
}

/// <summary>The exact success of the policy, the mean over the questions of the claim of knapsack-rl: success.</summary>
[Evaluation("knapsack-rl-success")]
public sealed class Success : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var right = tensor(Enumerable.Range(0, Questions.Count).Select(question => (long)Questions.Right(stage.Run, question)).ToArray(), [Questions.Count, 1], device: stage.Run.Device);
        var success = ((TableModel)stage.Policy).Values.detach().squeeze(1).softmax(-1).gather(1, right);
        return new Dictionary<string, double> { ["success"] = success.mean().ToDouble() };
    }
}
