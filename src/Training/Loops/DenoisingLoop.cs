using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>denoising</c>.</summary>
public sealed record DenoisingLoopOptions : TrainingOptions
{
    /// <summary>Where the samples come from: the column clean and, where the model takes one, condition.</summary>
    public required Part<ITensorData> Data { get; init; }

    /// <summary>The loss.</summary>
    public required Part<DenoisingObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<DenoisingObjective>> Terms { get; init; } = [];

    /// <summary>Samples a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 128;

    /// <summary>The share of samples that are learnt without their condition, so that guidance has a prediction without one.</summary>
    [Interval(0, 1)]
    public double ConditionDropout { get; init; } = 0.1;

    /// <summary>The stage leaves a moving average of its weights, of which this much stays at each step; null: the weights of its last step.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double? EmaDecay { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new() { Steps = Steps, TrainedSequences = BatchSize, FrozenCopies = 0 };
}

/// <summary>Supervised training of a diffusion or flow model: noise is added to clean samples, and the network learns to say what was added.</summary>
/// <remarks>The path and what is predicted are the model's. Chance is keyed by step and row: the row's point on the path, its noise, whether its condition is dropped.</remarks>
[Loop(Loop.Denoising)]
[Default("objective", "denoising-loss")]
public sealed class DenoisingLoop(DenoisingLoopOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var model = stage.Run.Models.Get<IDiffusionModel>("policy");
        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        using var data = options.Data.Create(stage.Services).Load(stage.Run);
        var clean = Samples(data, model);
        var conditions = Conditions(data, model);
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var order = new EpochOrder((int)data.Rows, stage.Draws.Key("order"));
        model.Network.train();
        using var learner = new Learner(stage, options, terms, policy: null, model.Network.parameters());
        using var average = options.EmaDecay is null ? null : new AveragedWeights(model.Network.parameters());
        StepLoop.Run(stage, options, Step, cancel);
        average?.Restore();

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var device = stage.Run.Device;
            int[] chosen = order.Take((long)step * options.BatchSize, options.BatchSize);
            using var rows = tensor([.. chosen.Select(row => (long)row)], device: device);
            Draws[] keys = [.. Enumerable.Range(0, chosen.Length).Select(row => stage.Draws.Key("denoising").Key(step).Key(row))];
            var x = clean.index_select(0, rows).to_type(stage.Run.Dtype);
            var noise = NormalNoise.Of([.. keys.Select(key => key.Key("noise"))], model.SampleShape, x.dtype, device);
            var points = model.Process.Draw([.. keys.Select(key => key.Key("time"))], device);
            var dropped = conditions is null || options.ConditionDropout == 0 ? null
                : tensor([.. keys.Select(key => key.Key("drop").Uniform() < options.ConditionDropout)], device: device);
            var batch = new DenoisingBatch
            {
                Kind = model.Process.Prediction,
                ["prediction"] = model.Predict(points.Level.AddNoise(x, noise), points.Time, conditions?.index_select(0, rows), dropped),
                ["target"] = points.Level.Target(model.Process.Prediction, x, noise),
            };
            batch.With("alpha_bar", points.AlphaBar);
            var metrics = new Dictionary<string, double>();
            learner.Update(batch, step, metrics, chosen.Length);
            average?.Update(options.EmaDecay!.Value);
            return new(metrics, chosen.Length);
        }
    }

    private Tensor Samples(TensorSet data, IDiffusionModel model)
    {
        var clean = data.Column("clean");
        return data.Rows == 0 ? throw new PlumblineException($"data '{options.Data.Id}' has no rows, so there is nothing to learn")
            : clean.shape.AsSpan(1).SequenceEqual([.. model.SampleShape]) ? clean
            : throw new PlumblineException($"the samples of data '{options.Data.Id}' have the shape [{string.Join(',', clean.shape[1..])}], and the model denoises samples of shape [{string.Join(',', model.SampleShape)}]; set the model's sample_shape");
    }

    private Tensor? Conditions(TensorSet data, IDiffusionModel model)
    {
        if (model.Classes == 0)
        {
            return null;
        }

        return data.Train.TryGetValue("condition", out var conditions) ? conditions
            : throw new PlumblineException($"data '{options.Data.Id}' has no column 'condition', and the model has {model.Classes} classes; set the model's classes to 0, or take data with conditions");
    }
}
