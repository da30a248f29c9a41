using Plumbline.Training.Diffusion;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>diffusion-rollouts</c>.</summary>
public sealed record DiffusionRolloutsOptions : TrainingOptions
{
    /// <summary>What to sample for: the column condition of its rows; without one the model runs without a condition.</summary>
    public required Part<ITensorData> Conditions { get; init; }

    /// <summary>What samples.</summary>
    public required Part<ITrajectorySampler> Sampler { get; init; }

    /// <summary>What scores the final samples. With several, the advantage part or the judge decides how they are joined.</summary>
    public required IReadOnlyList<Part<ISampleReward>> Rewards { get; init; }

    /// <summary>The loss.</summary>
    public required Part<TransitionObjective> Objective { get; init; }

    /// <summary>Further losses added to it; they must learn from the same: advantages, preferences or samples.</summary>
    public IReadOnlyList<Part<TransitionObjective>> Terms { get; init; } = [];

    /// <summary>What turns rewards into advantages; null: what goes with the objective, else <c>group-relative</c>; none where the objective learns from preferences.</summary>
    public Part<ITransitionAdvantage>? Advantage { get; init; }

    /// <summary>What compares two samples of a condition, where the objective learns from preferences; null: what goes with the objective.</summary>
    public Part<ISampleJudge>? Judge { get; init; }

    /// <summary>Conditions a step, a group of samples each.</summary>
    [Positive]
    public int ConditionsPerStep { get; init; } = 16;

    /// <summary>Passes over the sampled trajectories.</summary>
    [Positive]
    public int EpochsPerBatch { get; init; } = 1;

    /// <summary>Parts into which each pass splits them, an optimiser step each: rows of steps, pairs or samples.</summary>
    [Positive]
    public int Minibatches { get; init; } = 1;

    /// <summary>The share of each trajectory's steps that trains, drawn anew at each pass; of trees the share of all steps.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double TimestepFraction { get; init; } = 1;

    /// <summary>Leave groups whose rewards are all equal out of the updates: they show no difference to learn from.</summary>
    public bool DropEqualGroups { get; init; }

    /// <summary>Keep pairs without a preference: they pull nothing, and the loss is a mean over them too.</summary>
    public bool KeepTies { get; init; }

    /// <summary>Steps that the network takes at a time when their densities are computed anew: less memory, one more run of the network. Null: all of an update.</summary>
    [Positive]
    public int? Chunk { get; init; }

    /// <summary>The stage leaves a moving average of its weights, of which this much stays at each step; null: the weights of its last step.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double? EmaDecay { get; init; }

    /// <summary>Show some samples every so many steps, in samples.jsonl and, where they are images, in a picture; 0: never.</summary>
    [NonNegative]
    public int SampleEvery { get; init; } = 20;

    /// <inheritdoc/>
    internal override int UpdatesPerStep => EpochsPerBatch * Minibatches;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var samples = (long)ConditionsPerStep * Sampler.Create(services).GroupSize;
        return new Cost { Steps = Steps, TrainedSequences = samples * EpochsPerBatch, SampledSequences = samples, FrozenCopies = ReferenceCopies(services, Objective, Terms) };
    }
}
