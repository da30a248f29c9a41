using Plumbline.Training.Models;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>environment</c>.</summary>
public sealed record EnvironmentOptions : TrainingOptions, IChecksItself
{
    /// <summary>The loss of the policy, and of the critics where they learn with it.</summary>
    public required Part<ActorCriticObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<ActorCriticObjective>> Terms { get; init; } = [];

    /// <summary>The decision problem.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>What estimates advantages and returns from rewards and values.</summary>
    public required Part<ITokenAdvantage> Advantage { get; init; }

    /// <summary>Which episodes of a batch learn, and how much; null: all alike. Advantages are made of the whole batch before.</summary>
    public Part<IRolloutFilter>? Filter { get; init; }

    /// <summary>Episodes a step, played side by side.</summary>
    [Positive]
    public int Episodes { get; init; } = 32;

    /// <summary>Passes over a batch of episodes.</summary>
    [Positive]
    public int EpochsPerBatch { get; init; } = 1;

    /// <summary>Updates a pass: the episodes are divided into so many minibatches.</summary>
    [Positive]
    public int Minibatches { get; init; } = 1;

    /// <summary>An episode that the horizon cuts short goes on being worth what the critic says; false: nothing comes after.</summary>
    public bool Bootstrap { get; init; } = true;

    /// <summary>Widths of the critics' hidden layers.</summary>
    [Positive]
    public IReadOnlyList<int> CriticHidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer of the critics.</summary>
    public Activation CriticActivation { get; init; } = Activation.Tanh;

    /// <summary>Peak learning rate of the critics; null: the policy's.</summary>
    [Positive]
    public double? CriticLearningRate { get; init; }

    /// <summary>Passes in which the critics are fitted to the returns by themselves, once the policy is done with a batch; values in the objective are constants then. 0: they learn with the policy, from the objective or a term.</summary>
    [NonNegative]
    public int CriticEpochs { get; init; }

    /// <summary>Decisions an update of a critic that learns by itself; null: the whole batch.</summary>
    [Positive]
    public int? CriticBatchSize { get; init; }

    /// <summary>How far a value of such a critic may move from what it was before the batch; null: as far as it likes.</summary>
    [Positive]
    public double? CriticClipRange { get; init; }

    /// <inheritdoc/>
    internal override int UpdatesPerStep => EpochsPerBatch * Minibatches;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Minibatches > Episodes)
        {
            yield return $"minibatches must be at most episodes, which is {Episodes}, was {Minibatches}: each needs an episode";
        }

        if (CriticEpochs == 0 && (CriticBatchSize is not null || CriticClipRange is not null))
        {
            yield return $"{(CriticBatchSize is null ? "critic_clip_range" : "critic_batch_size")} must be null where critic_epochs is 0: the critics learn with the policy then, and nothing reads it";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = (long)Episodes * EpochsPerBatch,
        SampledSequences = Episodes,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}
