using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Runs the steps of a stage: a dispose scope each, metrics out, an end at a step boundary.</summary>
public static class StepLoop
{
    /// <summary>What a step hands back.</summary>
    /// <param name="Metrics">Named numbers.</param>
    /// <param name="Tokens">Tokens worked on.</param>
    public readonly record struct StepResult(Dictionary<string, double> Metrics, long Tokens);

    /// <summary>Runs the stage's steps, or fewer where it is cancelled or an observer ends it.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="options">Its options: steps, observers, diagnostics.</param>
    /// <param name="step">Does one step, numbered from 0; the tensors it makes die with it.</param>
    /// <param name="cancel">Ends the stage at the next boundary between steps.</param>
    /// <returns>The steps done.</returns>
    public static int Run(StageContext stage, TrainingOptions options, Func<int, StepResult> step, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(options);
        IObserver[] observers = [.. options.Observers.Select(observer => observer.Create(stage.Services))];
        stage.Recorder.Begin(options.Steps);
        for (var o = 0; o < observers.Length && !cancel.IsCancellationRequested; o++)
        {
            using var scope = NewDisposeScope();
            stage.Recorder.InHand(Kinds.Observer + " " + options.Observers[o].Id, "observing");
            observers[o].OnBegin(options.Steps, stage.Recorder);
        }

        var diagnostics = options.Diagnostics is { } watched ? new Diagnostics(watched, stage.Recorder) : null;
        var done = Steps(stage, options, observers, diagnostics, step, cancel);
        foreach (var observer in observers)
        {
            observer.OnEnd(done, stage.Recorder);
        }

        return done;
    }

    private static int Steps(StageContext stage, TrainingOptions options, IObserver[] observers, Diagnostics? diagnostics, Func<int, StepResult> step, CancellationToken cancel)
    {
        for (var i = 0; i < options.Steps; i++)
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

            for (var o = 0; o < observers.Length; o++)
            {
                stage.Recorder.InHand(Kinds.Observer + " " + options.Observers[o].Id, "measuring");
                foreach (var (name, value) in observers[o].Measure(i))
                {
                    result.Metrics[name] = value;
                }
            }

            diagnostics?.See(i, result.Metrics);
            stage.Recorder.Step(i, result.Metrics, result.Tokens);
            var goOn = true;
            for (var o = 0; o < observers.Length; o++)
            {
                stage.Recorder.InHand(Kinds.Observer + " " + options.Observers[o].Id, "observing");
                // Every observer sees every step, whatever another one decides.
                goOn &= observers[o].OnStep(i, result.Metrics, stage.Recorder);
            }

            if (!goOn)
            {
                return i + 1;
            }
        }

        return options.Steps;
    }

    /// <summary>Adds a loss and its outputs to metrics: a tensor by its mean; texts and lists are left out.</summary>
    internal static void Add(this Dictionary<string, double> metrics, IEnumerable<KeyValuePair<string, object>> outputs)
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
