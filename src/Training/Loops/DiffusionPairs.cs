using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>diffusion-pairs</c>.</summary>
public sealed record DiffusionPairsOptions : TrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<DiffusionPairObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<DiffusionPairObjective>> Terms { get; init; } = [];

    /// <summary>Where the pairs come from: chosen, rejected and, where there are conditions, condition.</summary>
    public required Part<ITensorData> Data { get; init; }

    /// <summary>Pairs a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <summary>Each epoch in an order of its own; false: in the order of the data.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>One noise for both members of a pair; false: each its own, at the same time, which makes a pair's margin much noisier.</summary>
    public bool SharedNoise { get; init; } = true;

    /// <summary>How often a pair is shown without its condition, so that the model does not unlearn to run without.</summary>
    [Interval(0, 1)]
    public double ConditionDropout { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = 2L * BatchSize,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Learns from stored pairs of a better and a worse sample, by what a denoising network says of both at a random time.</summary>
/// <remarks>The reference is the policy as it was when the stage began; it is kept only where the objective needs it.</remarks>
[Loop(Loop.DiffusionPairs)]
public sealed class DiffusionPairs(DiffusionPairsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Run.Models.Get<IDiffusionModel>("policy");
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
        using var data = options.Data.Create(stage.Services).Load(stage.Run);
        policy.Network.train();
        using var learner = new Learner(stage, options, terms, policy: null, policy.Network.parameters());
        if ((learner.Needs & ~Needs.Reference) is not Needs.None and var missing)
        {
            throw new PlumblineException($"objective '{options.Objective.Id}' needs {missing}, which the loop diffusion-pairs does not compute");
        }

        var reference = learner.Needs.HasFlag(Needs.Reference) ? ReferencePolicy.Freeze<IDiffusionModel>(stage) : null;
        using var kept = NewDisposeScope();
        var rows = SamplePairs.Of(data.Train, options.Data.Id, policy);
        var order = new EpochOrder(rows.Count, stage.Draws.Key("order"), options.Shuffle);
        if (options.ConditionDropout > 0 && rows.Conditions is null)
        {
            throw new PlumblineException($"condition_dropout is {options.ConditionDropout}, and data '{options.Data.Id}' has no column 'condition' to drop; set it to 0");
        }

        var scorer = new DiffusionPairScorer(policy, reference, options.SharedNoise, options.ConditionDropout);
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var first = (long)step * options.BatchSize;
            var pairs = rows.Take(order.Take(first, options.BatchSize));
            // Keyed by the place in the endless sequence of epochs: a row that comes again gets another noise.
            var batch = scorer.Score(pairs, [.. Enumerable.Range(0, options.BatchSize).Select(row => stage.Draws.Key("noise").Key(first + row))]);
            var metrics = new Dictionary<string, double>();
            learner.Update(batch, step, metrics, options.BatchSize);
            return new(metrics, 2L * options.BatchSize);
        }
    }
}
