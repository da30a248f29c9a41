namespace Plumbline.Training.Diffusion;

/// <summary>What an objective on sampled trajectories learns from.</summary>
public enum LearnsFrom
{
    /// <summary>Rows of steps with advantages.</summary>
    Advantages,

    /// <summary>Pairs of rows of steps with preferences.</summary>
    Preferences,

    /// <summary>The final samples with advantages, as clean data to denoise.</summary>
    Samples,
}

/// <summary>Steps of sampled trajectories in the layout of <see cref="Trajectories.Rows"/>: N rows of S steps, or E rows of one edge.</summary>
/// <remarks>
/// Learning from advantages: logps, mask, and reference_logps, step_kl where the objective needs a reference, [N,S]; old_logps [N,S], absent on the first
/// update of the policy's own trajectories; advantages [N] or [N,S]. From preferences: first_logps, second_logps, mask and first_reference_logps,
/// second_reference_logps [N,S]; preference [N,2]. From samples: errors, the denoising errors, advantages and mask [N].
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

    /// <summary>What makes the advantages where the stage names no part for it; null: the loop's own choice.</summary>
    public virtual ITransitionAdvantage? Advantage => null;

    /// <summary>What makes the preferences where the stage names no part for it; null: the stage must name one.</summary>
    public virtual ISampleJudge? Judge => null;
}

/// <summary>Rewards of final samples and the structure of their trajectories to advantages: pure mathematics.</summary>
/// <remarks>
/// The batch holds rewards [N] or [N,K]; scored [N] bool, where a reward left samples out; group_ids [N] int64, the group of each sample in this step;
/// prompt_ids [N] int64, the same from step to step: a class, else the row of the data; history_ids, history_rewards [H], the rewards of earlier steps by prompt,
/// oldest first, as many a prompt as <see cref="Remembers"/>; of the trajectories' graph leaves [N], edge_parents, edge_children, edge_steps, edge_groups [E]
/// and row_edges [R,W] int64, edge_trains [E] bool, edge_logps [E]; what the sampler gives further; and the plain numbers <c>step</c> and
/// <c>total_steps</c>. The outputs hold advantages [R] or [R,W], and may hold keep [R,W] bool, the steps that train.
/// </remarks>
public interface ITransitionAdvantage : IAdvantage
{
    /// <summary>Rewards a prompt of earlier steps that it wants to see.</summary>
    int Remembers => 0;
}

/// <summary>Two samples of one condition to which is better.</summary>
[Kind(Kinds.Judge)]
public interface ISampleJudge
{
    /// <summary>Judges M pairs.</summary>
    /// <param name="batch">first_rewards, second_rewards [M] or [M,K]; first_samples, second_samples [M,...]; conditions [M] or [M,...], where there are any.</param>
    /// <returns>preference [M,2]: (1,-1) where the first is better, (-1,1) where the second is, (0,0) for a tie. Further outputs are logged.</returns>
    Outputs Judge(Batch batch);
}
