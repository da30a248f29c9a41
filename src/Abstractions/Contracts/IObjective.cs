namespace Plumbline;

/// <summary>What a loop must compute for an objective beyond the policy's log-probabilities.</summary>
[Flags]
public enum Needs
{
    /// <summary>Only what the batch always has.</summary>
    None = 0,

    /// <summary>Log-probabilities under a frozen reference. Where nothing needs it, no reference is kept.</summary>
    Reference = 1,

    /// <summary>Entropies of the policy's next-token distributions, with gradient.</summary>
    Entropies = 2,
}

/// <summary>Batch of tensors to loss and metrics: pure mathematics.</summary>
/// <remarks>
/// An objective owns no model, file, clock or random source, and works in any floating dtype.
/// Derive from the class of your loop: <see cref="PairObjective"/>, <see cref="GroupObjective"/>,
/// <see cref="SequenceObjective"/>, <see cref="ActorCriticObjective"/>.
/// </remarks>
[Kind(Kinds.Objective)]
public interface IObjective
{
    /// <summary>What the loop must compute; may depend on the options.</summary>
    Needs Needs { get; }

    /// <summary>The loss of a batch.</summary>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Loss Compute(Batch batch);
}

/// <summary>An objective over one kind of batch.</summary>
/// <typeparam name="TBatch">A view of the batch with a constructor over named values.</typeparam>
public abstract class Objective<TBatch> : IObjective
    where TBatch : Batch
{
    /// <inheritdoc/>
    public virtual Needs Needs => Needs.None;

    /// <summary>The loss of a batch.</summary>
    public abstract Loss Compute(TBatch batch);

    /// <inheritdoc/>
    Loss IObjective.Compute(Batch batch) => batch is TBatch typed ? Compute(typed)
        : throw new InvalidInputException($"{GetType().Name} takes a {typeof(TBatch).Name}, and was given a {batch.GetType().Name}");
}

/// <summary>An objective over pairs of a chosen and a rejected answer.</summary>
public abstract class PairObjective : Objective<PairBatch>;

/// <summary>An objective over groups of completions with advantages.</summary>
public abstract class GroupObjective : Objective<GroupBatch>;

/// <summary>An objective over prompts with one right completion each.</summary>
public abstract class SequenceObjective : Objective<SequenceBatch>;

/// <summary>An objective over sampled completions with a critic's values.</summary>
public abstract class ActorCriticObjective : Objective<ActorCriticBatch>;
