using System.Text.Json.Nodes;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>Softmax loss of the items' log-ratios: the relevant ones against all; keeps what each batch held.</summary>
internal sealed class ListPreference(Needs needs = Needs.Reference) : ListObjective
{
    internal sealed record Seen(string[] Names, double[] Logps, double[] ReferenceLogps, bool[] Mask, double[] Relevance, long[] Ranks, long[] Lengths, double[]? Scores);

    internal List<Seen> Batches { get; } = [];

    internal Part<ListObjective> Part => Part<ListObjective>.Of("list-preference", this);

    public override Needs Needs => needs;

    public override IReadOnlyList<Column> Columns => [new("score") { List = true, Optional = true }];

    public override Loss Compute(ListBatch batch)
    {
        static double[] Numbers(Tensor values) => values.detach().to_type(ScalarType.Float64).data<double>().ToArray();
        Batches.Add(new Seen(
            [.. batch.Names], Numbers(batch.PolicyItemLogps), batch.Has("reference_item_logps") ? Numbers(batch.ReferenceItemLogps) : [], batch.ItemMask.data<bool>().ToArray(),
            Numbers(batch.Relevance), batch.Ranks.data<long>().ToArray(), batch.ItemLengths.data<long>().ToArray(), batch.Find("score") is { } scores ? Numbers(scores) : null));
        var ratios = batch.Has("reference_item_logps") ? batch.PolicyItemLogps - batch.ReferenceItemLogps : batch.PolicyItemLogps;
        var relevant = batch.Relevance * batch.ItemMask.to_type(batch.Relevance.dtype);
        return new Loss(-(ratios.masked_fill(batch.ItemMask.logical_not(), -1e4).log_softmax(1) * relevant).sum() / relevant.sum());
    }
}

/// <summary>Rows with lists of items.</summary>
internal static class Lists
{
    internal static Example Row(long index, string prompt, params (string Text, double Relevance)[] items) => new(index, new JsonObject
    {
        ["prompt"] = prompt,
        ["items"] = new JsonArray([.. items.Select((item, i) => new JsonObject { ["text"] = item.Text, ["relevance"] = item.Relevance, ["score"] = 10.0 * (i + 1) })]),
    });

    internal static Part<IData> Data(params Example[] rows) => Part<IData>.Of("lists", new Memory(rows));

    /// <summary>Makes a list of a row's chosen answer, its prompt and its rejected answer.</summary>
    internal static Part<ITransform> FromPairs => Part<ITransform>.Of("lists-from-pairs", new Transform());

    private sealed class Memory(IReadOnlyList<Example> rows) : IData
    {
        public DataSet Load(RunContext run) => new(rows, rows);
    }

    private sealed class Transform : ITransform
    {
        public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) =>
            [.. rows.Select(row => Row(row.Index, row.Text("prompt"), (row.Text("chosen"), 1), (row.Text("rejected"), 0), ("f", 0)))];
    }
}
