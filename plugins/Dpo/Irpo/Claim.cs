using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Irpo;

/// <summary>Lists of eight items: one of relevance 2, two of 1, five of 0. Feature 0 marks the relevant ones; feature 1 the best one, and half of the irrelevant ones too.</summary>
internal static class GradedLists
{
    internal const int Train = 64;
    internal const int Fresh = 500;
    internal const int Items = 8;
    internal const int Features = 12;
    internal const int Marked = 3;
    private const double Noise = 0.5;

    internal static double Relevance(int item) => item switch { 0 => 2, 1 or 2 => 1, _ => 0 };

    /// <summary>[lists,8,12].</summary>
    internal static Tensor Of(RunContext run) => tensor(
        (from list in Enumerable.Range(0, Train + Fresh)
         from item in Enumerable.Range(0, Items)
         from feature in Enumerable.Range(0, Features)
         let draws = run.Draws.Key("irpo-lists").Key(list).Key(item)
         let mark = feature switch
         {
             0 => Relevance(item) > 0,
             1 => item == 0 || (item >= Marked && draws.Key("decoy").Uniform() < 0.5),
             _ => false,
         }
         select (Noise * draws.Key(feature).Normal()) + (mark ? 1 : 0)).ToArray(),
        [Train + Fresh, Items, Features]);

    /// <summary>[12] the weights at the start: half of feature 0.</summary>
    internal static Tensor Start => tensor(Enumerable.Range(0, Features).Select(feature => feature == 0 ? 0.5 : 0).ToArray());

    internal static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The policy of the claim of <c>irpo</c>: log-linear over the eight items of each list.</summary>
[Model("irpo-lists")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", GradedLists.Train + GradedLists.Fresh)]
public sealed class ListsModel(ListsModelOptions options, RunContext run, IServiceProvider services) : LogLinearModel(
    (options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services),
    GradedLists.Of(run).to(run.Device).to_type(run.Dtype), GradedLists.Start.to(run.Device).to_type(run.Dtype));

/// <summary>Options of the model <c>irpo-lists</c>.</summary>
public sealed record ListsModelOptions
{
    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The data of the claim of <c>irpo</c>: 64 lists to learn from, 500 fresh ones to rank.</summary>
[Data("irpo-lists")]
public sealed class ListsData : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(Rows(0, GradedLists.Train), Rows(GradedLists.Train, GradedLists.Fresh));

    private static Example[] Rows(int start, int count) => [.. Enumerable.Range(start, count).Select(list => new Example(list, new JsonObject
    {
        ["prompt"] = GradedLists.Text(list),
        ["items"] = new JsonArray([.. Enumerable.Range(0, GradedLists.Items).Select(item => new JsonObject { ["text"] = GradedLists.Text(item), ["relevance"] = GradedLists.Relevance(item) })]),
    }))];
}

/// <summary>For the baseline of the claim of <c>irpo</c>: every pair of a relevant and an irrelevant item of each list.</summary>
[Transform("irpo-pairs")]
public sealed class ListsToPairs : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) =>
    [
        .. from row in rows
           from chosen in Enumerable.Range(0, GradedLists.Marked)
           from rejected in Enumerable.Range(GradedLists.Marked, GradedLists.Items - GradedLists.Marked)
           select new Example((((row.Index * GradedLists.Items) + chosen) * GradedLists.Items) + rejected, new JsonObject
           {
               ["prompt"] = row.Text("prompt"), ["chosen"] = GradedLists.Text(chosen), ["rejected"] = GradedLists.Text(rejected),
           }),
    ];
}
