using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>Logistic loss of the difference of two scores.</summary>
internal sealed class Ranking : PreferenceModelObjective
{
    internal static Part<PreferenceModelObjective> Part => Part<PreferenceModelObjective>.Of("ranking", new Ranking());

    public override Loss Compute(PreferenceModelBatch batch) =>
        new(-nn.functional.logsigmoid(batch.ChosenScores - batch.RejectedScores).mean()) { ["accuracy"] = batch.ChosenScores.gt(batch.RejectedScores).to_type(ScalarType.Float32) };
}

/// <summary>Embeddings of four numbers with a gate of two; keeps the shapes it saw.</summary>
internal sealed class Embedding : PreferenceModelObjective
{
    internal List<long[]> Shapes { get; } = [];

    public override int Dimension => 4;

    public override int GateDimension => 2;

    public override Loss Compute(PreferenceModelBatch batch)
    {
        Shapes.AddRange([batch.ChosenEmbeddings.shape, batch.RejectedEmbeddings.shape, batch.GateLogits!.shape]);
        return new((batch.ChosenEmbeddings - batch.RejectedEmbeddings).square().mean() + batch.GateLogits!.square().mean());
    }
}

/// <summary>Squared error of a score against the row's number 'target'.</summary>
internal sealed class Pointwise : PreferenceModelObjective
{
    public override bool Pairs => false;

    public override IReadOnlyList<Column> Columns => [new Column("target")];

    public override Loss Compute(PreferenceModelBatch batch) => new((batch.Scores - batch["target"]).square().mean());
}

/// <summary>Squared error of each step's log-probability against the row's number for it; keeps the batches' step ids and lists.</summary>
internal sealed class StepRegression : StepObjective
{
    internal List<long[][]> StepIds { get; } = [];

    internal List<double[]> Advantages { get; } = [];

    public override Needs Needs => Needs.Reference;

    public override IReadOnlyList<Column> Columns => [new Column("advantages") { List = true }];

    internal static Part<StepObjective> Part() => Part<StepObjective>.Of("step-regression", new StepRegression());

    public override Loss Compute(StepBatch batch)
    {
        StepIds.Add([.. batch.StepIds.data<long>().ToArray().Chunk((int)batch.StepIds.shape[1])]);
        Advantages.Add(batch.Advantages.to_type(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        var ratios = Plumbline.Training.StepTokens.Sum((batch.Logps - batch.ReferenceLogps) * batch.Mask, batch.StepIds, batch.Advantages.shape[1]);
        return new((ratios - batch.Advantages).square().mean());
    }
}

/// <summary>The same with a value function that learns the mean of a row's numbers; keeps the values of each batch.</summary>
internal sealed class ValuedRegression : StepObjective, IValueObjective
{
    internal List<double[]> Values { get; } = [];

    internal List<bool> Constant { get; } = [];

    internal List<double[]> Mask { get; } = [];

    public override IReadOnlyList<Column> Columns => [new Column("advantages") { List = true }];

    internal static Part<StepObjective> Part() => Part<StepObjective>.Of("valued-regression", new ValuedRegression());

    public override Loss Compute(StepBatch batch)
    {
        Constant.Add(!batch.Values.requires_grad);
        return new(-((batch.Advantages.mean([1]) - batch.Values.mean([1])) * (batch.Logps * batch.Mask).sum(1)).mean());
    }

    public Loss ValueLoss(Batch batch)
    {
        Constant.Add(!batch["logps"].requires_grad);
        Values.Add(batch["values"].detach().to_type(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        Mask.Add(batch["mask"].to_type(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        // The policy's log-probabilities stand in it, too: no gradient may come of that.
        var squares = (batch["values"] - batch["advantages"].mean([1], true)).square() * batch["mask"];
        return new(squares.sum() / batch["mask"].sum() + (0 * batch["logps"].sum())) { ["residuals"] = squares.detach() };
    }
}

/// <summary>The completion in steps of one letter, with the step's place as its number.</summary>
internal sealed class InSteps : ITransform
{
    internal static Part<ITransform> Part => Part<ITransform>.Of("in-steps", new InSteps());

    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) => [.. rows.Select(row =>
    {
        var columns = row.Columns.DeepClone().AsObject();
        var text = row.Text("completion");
        columns["steps"] = new JsonArray([.. text.Select(letter => (JsonNode)letter.ToString())]);
        columns["advantages"] = new JsonArray([.. text.Select((_, i) => (JsonNode)(double)i)]);
        return row with { Columns = columns };
    })];
}

/// <summary>A backbone of two numbers, the lengths of prompt and answer, behind one weight; counts what it read.</summary>
internal sealed class Lengths : IPreferenceBackbone
{
    private readonly Scale _scale = new();

    internal static int Reads { get; set; }

    public nn.Module Network => _scale;

    public int Width => 2;

    public int ContextLength => 1000;

    public int Length(PromptedText row) => row.Prompt.Length + row.Answer.Length;

    public (Tensor Answers, Tensor? Prompts) Read(IReadOnlyList<PromptedText> rows, bool prompts)
    {
        Reads += rows.Count;
        return (Of(rows.Select(row => row.Answer.Length)), prompts ? Of(rows.Select(row => row.Prompt.Length)) : null);

        Tensor Of(IEnumerable<int> lengths) => _scale.Weight * tensor(lengths.SelectMany(length => new[] { length, 1.0f }).ToArray(), [rows.Count, 2]);
    }

    public IPreferenceBackbone Another(Draws draws) => new Lengths();

    public IModel Freeze() => new Lengths();

    public void Dispose() => _scale.Dispose();

    private sealed class Scale : nn.Module
    {
        internal Scale()
            : base(nameof(Scale))
        {
            Weight = new TorchSharp.Modules.Parameter(ones([1]));
            register_parameter("weight", Weight);
        }

        internal TorchSharp.Modules.Parameter Weight { get; }
    }
}
