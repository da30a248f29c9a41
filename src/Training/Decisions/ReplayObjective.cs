namespace Plumbline.Training.Decisions;

/// <summary>N transitions from the past, with what the network says of them. An action's value is a list of M particles: equally likely returns to go, or one number.</summary>
public sealed class ReplayBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public ReplayBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public ReplayBatch()
    {
    }

    /// <summary>[N,A,M] of the network at the state, with gradient.</summary>
    public Tensor Particles => this["particles"];

    /// <summary>[N,A,M] of the target network at the next state, without.</summary>
    public Tensor NextParticles => this["next_particles"];

    /// <summary>[N] int64 the actions taken.</summary>
    public Tensor Actions => this["actions"];

    /// <summary>[N] rewards.</summary>
    public Tensor Rewards => this["rewards"];

    /// <summary>[N] 1 where the episode ended with the transition, else 0.</summary>
    public Tensor Terminals => this["terminals"];

    /// <summary>[N] the stocks before the transition; 0 in a problem without.</summary>
    public Tensor Stocks => this["stocks"];
}

/// <summary>An objective that learns the values of actions from past transitions, and says which action they make the best.</summary>
/// <remarks>
/// A state may carry a stock: a number that is chosen when an episode begins and then follows from the rewards, so that what is best may depend on
/// what was gained so far. The loop keeps it and shows it to the network.
/// </remarks>
public abstract class ReplayObjective : Objective<ReplayBatch>
{
    /// <summary>Whether the greedy rule depends on the stock.</summary>
    public virtual bool ReadsStock => false;

    /// <summary>The greedy rule: the best action at each state.</summary>
    /// <param name="particles">[N,A,M].</param>
    /// <param name="stocks">[N].</param>
    /// <returns>[N] int64.</returns>
    public abstract Tensor Greedy(Tensor particles, Tensor stocks);

    /// <summary>The stocks after a transition.</summary>
    /// <param name="stocks">[N] before.</param>
    /// <param name="rewards">[N].</param>
    /// <returns>[N].</returns>
    public virtual Tensor NextStocks(Tensor stocks, Tensor rewards) => stocks;
}
