using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Egpo;

/// <summary>Options of <c>egpo-tables</c>.</summary>
public sealed record ExactTablesOptions : TextTrainingOptions
{
    /// <summary>Strength of the pull towards the start.</summary>
    [Positive]
    public double Beta { get; init; } = 0.01;

    /// <summary>With or without looking ahead.</summary>
    public EgpoStepKind Kind { get; init; } = EgpoStepKind.Extragradient;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new() { Steps = Steps };
}

/// <summary>Belongs to the claim of egpo: gradient steps on the loss of whole tables, with exact preferences. Each game descends at the learning rate.</summary>
[Loop("egpo-tables")]
public sealed class ExactTables(ExactTablesOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var table = (TableModel)stage.Policy;
        var rows = options.Data.Create(stage.Services).Load(stage.Run).Train;
        var dtype = table.Values.dtype;
        var start = tensor(rows.SelectMany(row => row.Columns["start"]!.AsArray().Select(value => value!.GetValue<double>())).ToArray(), [rows.Count, rows[0].Columns["start"]!.AsArray().Count]).to_type(dtype);
        var preferences = tensor(
            rows.SelectMany(row => row.Columns["preferences"]!.AsArray().SelectMany(line => line!.AsArray().Select(value => value!.GetValue<double>()))).ToArray(),
            [rows.Count, start.shape[1], start.shape[1]]).to_type(dtype);
        using var optimization = new Optimization(table.Network.parameters(), options);
        stage.Recorder.Begin(options.Steps);
        for (var step = 0; step < options.Steps && !cancel.IsCancellationRequested; step++)
        {
            using var tensors = NewDisposeScope();
            var opponent = Policy();
            if (options.Kind == EgpoStepKind.Extragradient)
            {
                var restore = optimization.Snapshot();
                Descend(opponent, step);
                opponent = Policy();
                restore();
            }

            var loss = Descend(opponent, step);
            var gap = Egpo.Gap(Policy(), start.softmax(-1), preferences, new EgpoGapOptions { Beta = options.Beta }).mean();
            stage.Recorder.Step(step, new Dictionary<string, double> { ["loss"] = loss, ["gap"] = gap.ToDouble() }, 0);
        }

        Tensor Policy() => table.Values.detach().select(1, 0).softmax(-1);

        double Descend(Tensor opponent, int step)
        {
            var loss = Egpo.Tabular(table.Values.select(1, 0), start, opponent, preferences, new EgpoTabularOptions { Beta = options.Beta }).Value;
            // The loss is a mean over the games.
            optimization.Step(loss * rows.Count, step);
            return loss.ToDouble();
        }
    }
}
