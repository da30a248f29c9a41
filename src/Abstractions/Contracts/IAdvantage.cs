namespace Plumbline;

/// <summary>Rewards and the structure of a batch to advantages: pure mathematics.</summary>
/// <remarks>
/// In a groups loop the batch holds rewards [N] or [N,K], group_ids [N] int64, mask [N,T] and, where a reward left rows out,
/// scored [N] bool. In an actor-critic loop it holds token_rewards, values and mask [N,T].
/// The outputs hold advantages ([N] or [N,T]), in an actor-critic loop returns [N,T] too; the others are logged as metrics.
/// Reference vectors name it <c>id/advantages</c>, or as <see cref="TargetAttribute"/> on the method says.
/// </remarks>
[Kind(Kinds.Advantage)]
public interface IAdvantage
{
    /// <summary>The advantages of a whole rollout batch.</summary>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Outputs Compute(Batch batch);
}

/// <summary>Scores of completions to rewards of tokens: pure mathematics.</summary>
/// <remarks>The batch holds rewards [N], old_logps, reference_logps, mask [N,T], has_eos [N] bool and the plain number kl_coef. The outputs hold token_rewards [N,T] and mean_kl [].</remarks>
[Kind(Kinds.TokenReward)]
public interface ITokenReward
{
    /// <summary>Whether reference_logps are read.</summary>
    bool NeedsReference { get; }

    /// <summary>The coefficient of the penalty before any controller changed it.</summary>
    double KlCoef { get; }

    /// <summary>The token rewards of a whole rollout batch.</summary>
    Outputs Compute(Batch batch);
}

/// <summary>A coefficient over time. Its state is one number, so a checkpoint can hold it.</summary>
[Kind(Kinds.Controller)]
public interface IController
{
    /// <summary>The next value of the coefficient.</summary>
    /// <param name="value">The value in force.</param>
    /// <param name="measured">The measured quantity it steers.</param>
    /// <param name="completions">Completions since the last call.</param>
    double Next(double value, double measured, int completions);
}
