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

    /// <summary>The policy's next-token logits, [N,T,V]: much memory.</summary>
    Logits = 4,

    /// <summary>The reference's next-token logits, [N,T,V]: much memory.</summary>
    ReferenceLogits = 8,

    /// <summary>The reference's hidden states of every layer, at the positions that predict the answers' tokens, [L,N,T,D].</summary>
    ReferenceHiddenStates = 16,

    /// <summary>The objective makes its own advantages from rewards and group_ids: the loop runs no advantage part.</summary>
    Rewards = 32,
}

/// <summary>A number that each row of the data brings for the objective: a tensor [B] of the batch, by the same name.</summary>
/// <param name="Name">In the data and in the batch, such as <c>chosen_scores</c>.</param>
public sealed record Column(string Name)
{
    /// <summary>The row may lack it; where every row does, the batch has no such tensor.</summary>
    public bool Optional { get; init; }

    /// <summary>Whole numbers: the tensor is int64.</summary>
    public bool Integer { get; init; }

    /// <summary>The row has a list of numbers: the tensor is [B,S], right-padded with zeros, and <c>Name_mask</c> [B,S] goes with it.</summary>
    public bool List { get; init; }
}

/// <summary>Batch of tensors to loss and metrics: pure mathematics.</summary>
/// <remarks>
/// An objective owns no model, file, clock or random source, and works in any floating dtype.
/// Derive from the class of your loop: <see cref="PairObjective"/>, <see cref="GroupObjective"/>, <see cref="SequenceObjective"/>,
/// <see cref="ActorCriticObjective"/>, <see cref="ListObjective"/>, <see cref="StepObjective"/>, <see cref="PreferenceModelObjective"/>.
/// Beside its own inputs every batch has the plain numbers <c>step</c> (the optimiser's updates before this one, from 0) and <c>total_steps</c> (those the stage plans);
/// where a batch is updated on as soon as it is made, <c>iteration</c> (the stage's step, from 0) and <c>iterations</c> (those it plans) too.
/// </remarks>
[Kind(Kinds.Objective)]
public interface IObjective
{
    /// <summary>What the loop must compute; may depend on the options.</summary>
    Needs Needs { get; }

    /// <summary>Numbers that the data's rows must bring; may depend on the options.</summary>
    IReadOnlyList<Column> Columns => [];

    /// <summary>Names of tensors [N] of uniform numbers in [0,1) to be drawn anew for each batch.</summary>
    IReadOnlyList<string> Draws => [];

    /// <summary>The coefficients that a controller may steer, each with its value at the start. In force is the batch's plain number of that name, where it has one.</summary>
    IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double>();

    /// <summary>The loss of a batch.</summary>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Loss Compute(Batch batch);
}

/// <summary>An objective that carries something from step to step: networks that train along, estimates that are updated.</summary>
/// <remarks>
/// The mathematics stays pure: what is carried enters <see cref="IObjective.Compute"/> as inputs of the batch, which <see cref="Prepare"/> adds.
/// The loop calls <see cref="Begin"/> once, then for each update Prepare, Compute, the optimiser, <see cref="Finish"/>.
/// </remarks>
public interface IStatefulObjective : IObjective
{
    /// <summary>Makes the state: its parameters train along in a group of their own, its buffers are kept. Called once, before the first update.</summary>
    /// <param name="policy">What trains; null in a loop without a language model.</param>
    /// <param name="draws">Source of chance for first weights.</param>
    torch.nn.Module Begin(ICausalModel? policy, Draws draws);

    /// <summary>The peak learning rate of the state's parameters; null: the policy's.</summary>
    double? StateLearningRate => null;

    /// <summary>The weight decay of the state's parameters; null: the policy's.</summary>
    double? StateWeightDecay => null;

    /// <summary>Adds what the state contributes to a batch.</summary>
    void Prepare(Batch batch);

    /// <summary>After the optimiser's update, without gradient.</summary>
    /// <param name="batch">As it was given to Compute.</param>
    /// <param name="loss">What Compute returned.</param>
    void Finish(Batch batch, Loss loss);
}

/// <summary>An objective with a gradient that is no loss's: of a constraint that is kept as running means, of the duals of another problem.</summary>
public interface IGradientObjective : IObjective
{
    /// <summary>What is added to gradients after the backward pass, before they are clipped.</summary>
    /// <param name="batch">As it was given to Compute.</param>
    /// <param name="loss">What Compute returned.</param>
    /// <returns>By the batch's names of the weights that train, which the loop has put there; each of the weight's shape.</returns>
    IReadOnlyDictionary<string, torch.Tensor> Gradients(Batch batch, Loss loss);
}

/// <summary>An objective with a value function beside the policy: two losses of one batch, an optimiser for each.</summary>
/// <remarks>
/// The loop makes the value function and gives every batch <c>values</c> [N,T], the value of the state before each token; they begin at 0.
/// <see cref="ValueLoss"/> sees them with gradient and the policy as it is, <see cref="IObjective.Compute"/> sees them as constants: both those before the update.
/// </remarks>
public interface IValueObjective : IObjective
{
    /// <summary>The loss of the value function; it must carry gradient to <c>values</c> alone.</summary>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Loss ValueLoss(Batch batch);
}

/// <summary>An objective over one kind of batch.</summary>
/// <typeparam name="TBatch">A view of the batch with a constructor over named values.</typeparam>
public abstract class Objective<TBatch> : IObjective
    where TBatch : Batch
{
    /// <inheritdoc/>
    public virtual Needs Needs => Needs.None;

    /// <inheritdoc/>
    public virtual IReadOnlyList<Column> Columns => [];

    /// <inheritdoc/>
    public virtual IReadOnlyList<string> Draws => [];

    /// <inheritdoc/>
    public virtual IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double>();

    /// <summary>The loss of a batch.</summary>
    public abstract Loss Compute(TBatch batch);

    /// <inheritdoc/>
    Loss IObjective.Compute(Batch batch) => batch is TBatch typed ? Compute(typed)
        : throw new InvalidInputException($"{GetType().Name} takes a {typeof(TBatch).Name}, and was given a {batch.GetType().Name}");
}

/// <summary>An objective over pairs of a chosen and a rejected answer.</summary>
public abstract class PairObjective : Objective<PairBatch>;

/// <summary>An objective over groups of completions with advantages.</summary>
public abstract class GroupObjective : Objective<GroupBatch>
{
    /// <summary>What makes the advantages where the stage names no part for it; null: the loop's own choice.</summary>
    public virtual IGroupAdvantage? Advantage => null;
}

/// <summary>An objective over prompts with one right completion each.</summary>
public abstract class SequenceObjective : Objective<SequenceBatch>;

/// <summary>An objective over sampled completions with a critic's values.</summary>
public abstract class ActorCriticObjective : Objective<ActorCriticBatch>
{
    /// <summary>Tensors that it can read beyond the usual ones: further outputs [N,T] of the advantage part, by their names; <c>sample_weights</c> [N] of a filter.</summary>
    /// <remarks>
    /// A loop hands over what it has of these. It refuses a window where no policy_mask is read, and weights where no sample_weights are.
    /// Where a row is an episode of a decision problem there are kl [N,T], the divergence from the policy that acted, where it is known exactly;
    /// component_logps, old_component_logps and component_entropies [N,T,C] of each component of an action; and post_values [N,T] of the states after the decisions.
    /// </remarks>
    public virtual IReadOnlyList<string> FurtherInputs => [];
}

/// <summary>An objective over lists of ranked or scored items.</summary>
public abstract class ListObjective : Objective<ListBatch>;

/// <summary>An objective over answers in steps.</summary>
public abstract class StepObjective : Objective<StepBatch>;

/// <summary>An objective that fits a model of preferences: scores or embeddings of a better and a worse answer.</summary>
public abstract class PreferenceModelObjective : Objective<PreferenceModelBatch>
{
    /// <summary>Numbers the model gives an answer: 1 is a score, more an embedding.</summary>
    public virtual int Dimension => 1;

    /// <summary>Numbers the model gives a prompt (gate_logits); 0: none.</summary>
    public virtual int GateDimension => 0;

    /// <summary>Whether it learns from pairs; else each row has one completion, and the batch holds scores [B] or embeddings [B,D].</summary>
    public virtual bool Pairs => true;
}
