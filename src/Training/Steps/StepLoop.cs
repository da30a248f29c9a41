using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Runs the steps of a stage: a dispose scope each, metrics out, an end at a step boundary.</summary>
internal static class StepLoop
{
    /// <summary>What a step hands back.</summary>
    /// <param name="Metrics">Named numbers.</param>
    /// <param name="Tokens">Tokens worked on.</param>
    internal readonly record struct StepResult(Dictionary<string, double> Metrics, long Tokens);

    /// <summary>Runs <paramref name="steps"/> steps, or fewer where cancelled.</summary>
    /// <returns>The steps done.</returns>
    internal static int Run(StageContext stage, int steps, Func<int, StepResult> step, CancellationToken cancel)
    {
        stage.Recorder.Begin(steps);
        for (var i = 0; i < steps; i++)
        {
            if (cancel.IsCancellationRequested)
            {
                return i;
            }

            using var scope = NewDisposeScope();
            StepResult result;
            try
            {
                result = step(i);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return i;
            }

            stage.Recorder.Step(i, result.Metrics, result.Tokens);
        }

        return steps;
    }

    /// <summary>Adds a loss and its outputs to metrics: a tensor by its mean; texts and lists are left out.</summary>
    internal static void Add(this Dictionary<string, double> metrics, Outputs outputs)
    {
        if (outputs is Loss loss)
        {
            metrics["loss"] = loss.Value.ToDouble();
        }

        foreach (var (name, value) in outputs)
        {
            switch (value)
            {
                case Tensor tensor when tensor.numel() == 1:
                    metrics[name] = tensor.to_type(ScalarType.Float64).ToDouble();
                    break;
                case Tensor tensor when tensor.numel() > 0:
                    metrics[name] = tensor.to_type(ScalarType.Float64).mean().ToDouble();
                    break;
                case IConvertible number and not string:
                    metrics[name] = number.ToDouble(CultureInfo.InvariantCulture);
                    break;
            }
        }
    }
}
