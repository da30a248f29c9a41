namespace Plumbline;

/// <summary>A network from numbers to numbers.</summary>
public interface IFunctionModel : IModel
{
    /// <summary>Numbers it takes.</summary>
    int InputSize { get; }

    /// <summary>The shape of what it gives a row.</summary>
    IReadOnlyList<long> OutputShape { get; }

    /// <summary>The function.</summary>
    /// <param name="inputs">[N,InputSize].</param>
    /// <returns>[N,...OutputShape].</returns>
    Tensor Compute(Tensor inputs);
}

/// <summary>A policy of a decision problem: observations to distributions of actions.</summary>
public interface IDecisionModel : IModel
{
    /// <summary>Numbers in an observation.</summary>
    int ObservationSize { get; }

    /// <summary>What can be done.</summary>
    ActionSpace Actions { get; }

    /// <summary>The distributions of actions.</summary>
    /// <param name="observations">[N,ObservationSize].</param>
    IActionDistribution Act(Tensor observations);
}

/// <summary>Distributions of actions, a row each; what it gives carries the policy's gradient.</summary>
public interface IActionDistribution
{
    /// <summary>An action a row, without gradient; a row's draw depends on its key alone.</summary>
    /// <returns>[N,M] int64 choices, or [N,M] floats.</returns>
    Tensor Sample(Draws draws);

    /// <summary>[N,M] the most probable action of each row, without gradient.</summary>
    Tensor Mode { get; }

    /// <summary>Log-probabilities of actions: [N,C], one number for each component that chooses by itself, and one in all for a vector.</summary>
    /// <param name="actions">As <see cref="Sample"/> gives them.</param>
    Tensor Logps(Tensor actions);

    /// <summary>[N,C] entropies, nats.</summary>
    Tensor Entropies { get; }

    /// <summary>[N] KL(this || other), exact; null where it is not known in closed form.</summary>
    Tensor? Kl(IActionDistribution other);

    /// <summary>The distributions of chosen rows.</summary>
    /// <param name="rows">[K] int64.</param>
    IActionDistribution Rows(Tensor rows);
}

/// <summary>A policy that chooses among options which are texts, given what was said so far.</summary>
public interface IChoiceModel : IModel
{
    /// <summary>Logits of the options.</summary>
    /// <returns>[N,A], where A is the longest list of options; minus infinity beyond a row's own.</returns>
    Tensor Logits(IReadOnlyList<Choice> choices);
}

/// <summary>Options to choose from.</summary>
/// <param name="History">What was said so far, oldest first: observations and actions in turns; the last is the observation in hand.</param>
/// <param name="Options">The options in order, at least one.</param>
public sealed record Choice(IReadOnlyList<string> History, IReadOnlyList<string> Options);
