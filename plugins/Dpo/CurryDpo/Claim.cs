using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.CurryDpo;

/// <summary>Prompts with four answers, best first: of two features one tells the two better from the two worse ones at a glance, the other, weak one, tells within them.</summary>
internal static class CoarseAndFine
{
    internal const int Train = 64;
    internal const int Fresh = 500;
    internal const int Answers = 4;
    internal const int Features = 16;
    private const double Noise = 0.5;

    /// <summary>[P,4,16]: 3 coarse, 0.4 fine, and noise.</summary>
    internal static Tensor Of(RunContext run) => tensor(
        (from prompt in Enumerable.Range(0, Train + Fresh)
         from answer in Enumerable.Range(0, Answers)
         from feature in Enumerable.Range(0, Features)
         select feature switch
         {
             0 => answer < 2 ? 3 : 0,
             1 => answer % 2 == 0 ? 0.4 : 0,
             _ => Noise * run.Draws.Key("curry-dpo-answers").Key(prompt).Key(answer).Key(feature).Normal(),
         }).ToArray(),
        [Train + Fresh, Answers, Features]);
}

/// <summary>The policy of the claim of <c>curry-dpo</c>: log-linear over four answers a prompt, uniform at first.</summary>
[Model("curry-dpo-answers")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", CoarseAndFine.Train + CoarseAndFine.Fresh)]
public sealed class AnswersModel(AnswersModelOptions options, RunContext run, IServiceProvider services) : LogLinearModel(
    (options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services),
    CoarseAndFine.Of(run).to(run.Device).to_type(run.Dtype), zeros([CoarseAndFine.Features], dtype: run.Dtype, device: run.Device));

/// <summary>Options of the model <c>curry-dpo-answers</c>.</summary>
public sealed record AnswersModelOptions
{
    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The data of the claim of <c>curry-dpo</c>: 64 prompts with four rated answers to learn from, and of 500 fresh prompts the hard pair, best against second.</summary>
[Data("curry-dpo-answers")]
public sealed class AnswersData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, CoarseAndFine.Train).Select(prompt => new Example(prompt, new JsonObject
        {
            ["prompt"] = Text(prompt),
            ["answers"] = new JsonArray([.. Enumerable.Range(0, CoarseAndFine.Answers).Select(answer => (JsonNode)Text(answer))]),
            ["scores"] = new JsonArray([.. Enumerable.Range(0, CoarseAndFine.Answers).Select(answer => (JsonNode)(double)(CoarseAndFine.Answers - answer))]),
        }))],
        [.. Enumerable.Range(CoarseAndFine.Train, CoarseAndFine.Fresh).Select(prompt => new Example(prompt, new JsonObject { ["prompt"] = Text(prompt), ["chosen"] = "0", ["rejected"] = "1" }))]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>For the claim of <c>curry-dpo</c>: the curriculum backwards, the hardest stage first.</summary>
[Transform("curry-dpo-backwards")]
public sealed class Backwards : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) => [.. rows.Select(row =>
    {
        var columns = (JsonObject)row.Columns.DeepClone();
        columns["stage"] = -(row.FindNumber("stage") ?? throw new PlumblineException($"row {row.Index} of the data has no stage: let the transform curry-dpo run before"));
        return row with { Columns = columns };
    })];
}
