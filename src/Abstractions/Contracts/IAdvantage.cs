namespace Plumbline;

/// <summary>Rewards to advantages: pure mathematics. A part is one of the two below: what its loop has to give differs.</summary>
/// <remarks>
/// The outputs hold advantages; the others are logged as metrics. Reference vectors name it <c>id/advantages</c>, or as
/// <see cref="TargetAttribute"/> on the method says.
/// </remarks>
[Kind(Kinds.Advantage)]
public interface IAdvantage
{
    /// <summary>Names of tensors [N] of uniform numbers in [0,1) to be drawn anew for each batch.</summary>
    IReadOnlyList<string> Draws => [];

    /// <summary>The advantages of a whole rollout batch.</summary>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Outputs Compute(Batch batch);
}

/// <summary>Rewards and the structure of groups of completions to advantages.</summary>
/// <remarks>
/// The batch holds rewards [N] or [N,K], group_ids [N] int64, old_logps, mask [N,T], tokens [N,T] int64, truncated [N] bool and, where a reward left
/// rows out, scored [N] bool; where a reward scored steps, step_rewards, step_mask [N,S] and step_ids [N,T] int64 too; and the plain numbers
/// <c>step</c> and <c>total_steps</c>. The advantages are [N] or [N,T].
/// </remarks>
public interface IGroupAdvantage : IAdvantage;

/// <summary>Token rewards and a critic's values to advantages and returns.</summary>
/// <remarks>
/// The batch holds token_rewards, values and mask [N,T], rewards and group_ids [N], finished [N] bool (false where a row stays in flight: it stopped at
/// a window's end), window_start [N] int64 (tokens it had at the last update; 0 without windows) and the plain numbers <c>step</c> and
/// <c>total_steps</c>. Where a row is an episode of a decision problem, each of its steps stands for a token, and the batch holds last_values [N] too: what
/// the critic says of the state in which the horizon cut an episode short, 0 for one that came to its end.
/// The outputs hold advantages and returns [N,T], and what the objective reads of its <see cref="ActorCriticObjective.FurtherInputs"/>.
/// </remarks>
public interface ITokenAdvantage : IAdvantage
{
    /// <summary>Tensors [N,T] that it reads beyond these, where its loop has them: post_values and deterministic_rewards, of a decision problem.</summary>
    IReadOnlyList<string> FurtherInputs => [];
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
    /// <summary>The metric whose last value it follows; null: it follows the step alone.</summary>
    string? Measures { get; }

    /// <summary>The value for the next update.</summary>
    double Next(ControlState state);
}

/// <summary>What a controller may know.</summary>
/// <param name="Value">The value in force; before the first update the coefficient's own.</param>
/// <param name="Step">The optimiser's updates before the next one, from 0.</param>
/// <param name="Steps">Those the stage plans.</param>
/// <param name="Measured">The metric it follows as the last update gave it; null before the first one.</param>
/// <param name="Completions">Completions, or pairs, since the last call.</param>
public readonly record struct ControlState(double Value, int Step, int Steps, double? Measured, int Completions);
