using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>stream</c>.</summary>
public sealed record StreamOptions : TrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<StreamObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<StreamObjective>> Terms { get; init; } = [];

    /// <summary>The stream: columns features [N,D] and target [N], and group [N] where there are protected groups.</summary>
    public required Part<ITensorData> Data { get; init; }

    /// <summary>Instances a step, one after the other, an update each.</summary>
    [Positive]
    public int Instances { get; init; } = 1;

    /// <summary>Accuracy and parity are told of the last so many predictions; null: of all so far.</summary>
    [Positive]
    public int? Window { get; init; }

    /// <inheritdoc/>
    internal override int UpdatesPerStep => Instances;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new() { Steps = Steps, TrainedSequences = Instances };
}

/// <summary>Instances one after the other, each once: predict it, then learn from it. Nothing of the past is kept but what the objective keeps.</summary>
/// <remarks>Accuracy and the gap between two protected groups are prequential: of predictions made before their instance was learnt from.</remarks>
[Loop(Loop.Stream)]
public sealed class StreamLoop(StreamOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var model = stage.Run.Models.Get<IModel>("policy");
        (string Id, StreamObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, part.Create(stage.Services)))];
        var function = terms.FirstOrDefault(term => term.Objective.ReadsOutputs).Id is not { } reader ? null : model as IFunctionModel
            ?? throw new PlumblineException($"objective '{reader}' reads a model's outputs for features, and the model is a {model.GetType().Name}, which gives none");
        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        using var data = options.Data.Create(stage.Services).Load(stage.Run);
        if ((long)options.Steps * options.Instances > data.Rows)
        {
            throw new PlumblineException($"{options.Steps} steps of {options.Instances} instances are more than the {data.Rows} of data '{options.Data.Id}', and a stream passes once; lower steps or instances");
        }

        var weights = model.Network.named_parameters().ToList();
        var like = weights[0].parameter;
        var (features, targets) = (data.Column("features").to(like.device).to_type(like.dtype), data.Column("target").to(like.device).to_type(ScalarType.Int64));
        var groups = data.Train.GetValueOrDefault("group")?.to(like.device).to_type(ScalarType.Int64);
        var seen = new Predictions(Whole(targets), groups is null ? null : Whole(groups), options.Window);
        model.Network.train();
        using var learner = new Learner(stage, options, terms.Select(term => (term.Id, (IObjective)term.Objective)), null, model.Network.parameters());
        if (learner.Needs != Needs.None)
        {
            throw new PlumblineException($"objective '{options.Objective.Id}' or a term needs {learner.Needs}, which the loop {Loop.Stream} does not compute");
        }

        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var metrics = new Dictionary<string, double>();
            for (var i = 0; i < options.Instances; i++)
            {
                using var scope = NewDisposeScope();
                var row = ((long)step * options.Instances) + i;
                var batch = new StreamBatch { ["features"] = features.narrow(0, row, 1), ["targets"] = targets.narrow(0, row, 1) };
                batch.With("groups", groups?.narrow(0, row, 1));
                foreach (var (name, parameter) in weights)
                {
                    batch.With(name, parameter);
                }

                batch.With("outputs", function?.Compute(batch.Features));
                var told = new Dictionary<string, double>();
                learner.Complete(batch, 1);
                var loss = learner.Loss(batch, told);
                if (!loss.Has("predictions"))
                {
                    throw new PlumblineException($"objective '{options.Objective.Id}' tells no 'predictions' [B,C], and a stream is measured by them");
                }

                seen.Add(loss.Tensor("predictions").argmax(1).ToInt64());
                learner.Apply(loss, batch, step, told);
                told.Remove("predictions");
                Join(metrics, told, i);
            }

            seen.Tell(metrics);
            return new(metrics, options.Instances);
        }

        static long[] Whole(Tensor column) => column.cpu().contiguous().data<long>().ToArray();
    }

    /// <summary>The loss of a step is the mean over its instances; what else is told is the last one's.</summary>
    private static void Join(Dictionary<string, double> metrics, Dictionary<string, double> told, int before)
    {
        var mean = metrics.GetValueOrDefault("loss");
        foreach (var (name, value) in told)
        {
            metrics[name] = value;
        }

        metrics["loss"] = mean + ((told["loss"] - mean) / (before + 1));
    }

    /// <summary>What was predicted so far, against what was right.</summary>
    private sealed class Predictions(long[] targets, long[]? groups, int? window)
    {
        private readonly long[] _classes = new long[targets.Length];
        private int _count;

        internal void Add(long predicted) => _classes[_count++] = predicted;

        internal void Tell(Dictionary<string, double> metrics)
        {
            var from = Math.Max(0, _count - (window ?? _count));
            var right = Enumerable.Range(from, _count - from).Count(row => _classes[row] == targets[row]);
            metrics["accuracy"] = (double)right / (_count - from);
            if (groups is not null)
            {
                metrics["parity_gap"] = Math.Abs(GroupParity.Signed(_classes.AsSpan(from, _count - from), groups.AsSpan(from, _count - from)));
            }
        }
    }
}
