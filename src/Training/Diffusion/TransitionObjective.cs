namespace Plumbline.Training.Diffusion;

/// <summary>What an objective on sampled trajectories learns from.</summary>
public enum LearnsFrom
{
    /// <summary>Rows of steps with advantages.</summary>
    Advantages,

    /// <summary>Pairs of rows of steps with preferences.</summary>
    Preferences,

    /// <summary>The final samples with weights, as clean data.</summary>
    Samples,
}

/// <summary>Steps of sampled trajectories in the layout of <see cref="Trajectories.Rows"/>: N rows of S steps, or E rows of one edge.</summary>
/// <remarks>
/// Learning from advantages: logps, mask, and reference_logps, step_kl where the objective needs a reference, [N,S]; old_logps [N,S], absent on the first
/// update of the policy's own trajectories; advantages [N] or [N,S]. From preferences: first_logps, second_logps, mask and first_reference_logps,
/// second_reference_logps [N,S]; preference [N,2]. From samples: errors, mask and weights [N].
/// </remarks>
public sealed class TransitionBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public TransitionBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public TransitionBatch()
    {
    }

    /// <summary>[N,S] log-densities of the steps under the policy; 0 where masked.</summary>
    public Tensor Logps => this["logps"];

    /// <summary>[N,S] the same under the weights that sampled; null on the first update, where they are the current ones.</summary>
    public Tensor? OldLogps => Find("old_logps");

    /// <summary>[N,S] 1 at steps that train, else 0.</summary>
    public Tensor Mask => this["mask"];

    /// <summary>[N] or [N,S].</summary>
    public Tensor Advantages => this["advantages"];

    /// <summary>[N,S] divergence of each step from the frozen reference's.</summary>
    public Tensor? StepKl => Find("step_kl");
}

/// <summary>An objective over the steps of sampled trajectories.</summary>
public abstract class TransitionObjective : Objective<TransitionBatch>
{
    /// <summary>What the batch holds.</summary>
    public virtual LearnsFrom LearnsFrom => LearnsFrom.Advantages;

    /// <summary>Whether it is right for the first update of a rollout alone: the loop then refuses several.</summary>
    public virtual bool OnPolicyOnly => false;

    /// <summary>What makes the advantages or preferences where the stage names no part for it; null: the loop's own choice.</summary>
    public virtual ITransitionAdvantage? Advantage => null;
}

/// <summary>Rewards of final samples and the structure of their trajectories to advantages, or to preferences between them: pure mathematics.</summary>
/// <remarks>
/// The batch holds rewards [N] or [N,K]; scored [N] bool, where a reward left samples out; group_ids [N] int64, the group of each sample in this step;
/// prompt_ids [N] int64, the same from step to step: a class, else the row of the data; history_ids, history_rewards [H], the rewards of earlier steps by prompt,
/// oldest first, as many a prompt as <see cref="Remembers"/>; samples [N,...]; of the trajectories' graph leaves [N], edge_parents, edge_children, edge_steps,
/// edge_groups [E] int64, edge_logps [E], row_edges [R,W] int64 and edge_trains [E] bool; what the sampler gives further; and the plain numbers <c>step</c> and
/// <c>total_steps</c>. The outputs hold advantages [R] or [R,W], and may hold keep [R,W] bool, the steps that train; or, for an objective that learns from
/// preferences, first, second [M] int64, rows, and preference [M,2].
/// </remarks>
public interface ITransitionAdvantage : IAdvantage
{
    /// <summary>Rewards a prompt of earlier steps that it wants to see.</summary>
    int Remembers => 0;
}
