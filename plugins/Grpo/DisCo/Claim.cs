using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DisCo;

/// <summary>Options of the model <c>disco-answers</c>.</summary>
public sealed record AnswersModelOptions
{
    /// <summary>Sixty numbers.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Belongs to the claim of disco: twenty questions from hard to easy, sixty answers each, of which the first twenty are right.</summary>
[Model("disco-answers")]
public sealed class AnswersModel(AnswersModelOptions options, RunContext run, IServiceProvider services)
    : TableModel((options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), Start(run))
{
    private static Tensor Start(RunContext run)
    {
        var draws = run.Draws.Key("disco-answers");
        var noise = tensor(Enumerable.Range(0, Answers.Questions * Answers.Count).Select(i => 0.5 * draws.Key(i).Normal()).ToArray(), [Answers.Questions, Answers.Count]);
        var right = tensor(Enumerable.Range(0, Answers.Questions).Select(i => 0.03 + (0.94 * i / (Answers.Questions - 1))).ToArray(), [Answers.Questions, 1]);
        var (rights, wrongs) = (noise.narrow(1, 0, Answers.Right), noise.narrow(1, Answers.Right, Answers.Count - Answers.Right));
        return cat([right.log() + rights.log_softmax(1), (1 - right).log() + wrongs.log_softmax(1)], 1).unsqueeze(1).to(run.Device).to_type(run.Dtype);
    }
}

/// <summary>Belongs to the claim of disco: twenty questions.</summary>
[Data("disco-answers")]
public sealed class Answers : IData
{
    internal const int Questions = 20;
    internal const int Count = 60;
    internal const int Right = 20;

    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, Questions).Select(question => new Example(question, new JsonObject { ["prompt"] = $"{question}" }))], []);
}

/// <summary>Belongs to the claim of disco: 1 for a right answer, else 0.</summary>
[Reward("disco-answers")]
public sealed class AnswersReward : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => (rollout ?? throw new ArgumentNullException(nameof(rollout))).Completion[0] < Answers.Right ? 1 : 0;
}

/// <summary>Belongs to the claim of disco: the exact probability of a right answer, for the seven hardest questions and for all.</summary>
[Evaluation("disco-answers")]
public sealed class AnswersEvaluation : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var right = ((TableModel)stage.Policy).Values.squeeze(1).softmax(1).narrow(1, 0, Answers.Right).sum(1);
        return new Dictionary<string, double> { ["hardest"] = right.narrow(0, 0, 7).mean().ToDouble(), ["right"] = right.mean().ToDouble() };
    }
}
