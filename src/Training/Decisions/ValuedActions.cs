using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>A value network in a decision problem: what it is shown, and what it says of each action.</summary>
/// <remarks>It is shown the observation and, where it takes one number more, the stock after it. It gives [A,M] numbers, or [A].</remarks>
public sealed class ValuedActions
{
    private readonly IVectorEnvironment _environment;
    private readonly bool _stocked;

    /// <summary>A network that fits a problem and an objective.</summary>
    /// <exception cref="PlumblineException">It does not; the message says what would.</exception>
    public ValuedActions(IFunctionModel model, IVectorEnvironment environment, ReplayObjective objective)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(objective);
        if (environment.Actions.Choices is not [var actions])
        {
            throw new PlumblineException($"a value for each action needs one choice among several, and the environment's actions are {environment.Actions}");
        }

        if (model.OutputShape.Count is not (1 or 2) || model.OutputShape[0] != actions)
        {
            throw new PlumblineException($"the model gives [{string.Join(',', model.OutputShape)}] numbers, and [{actions}] or [{actions},particles] are needed: a row for each action");
        }

        _stocked = model.InputSize == environment.ObservationSize + 1;
        if (!_stocked && (objective.ReadsStock || model.InputSize != environment.ObservationSize))
        {
            var needed = objective.ReadsStock ? $"{environment.ObservationSize + 1}: the observation and the stock, without which the objective can't tell which action is best" : $"{environment.ObservationSize}, or one more for a stock";
            throw new PlumblineException($"the model takes {model.InputSize} numbers, and needs {needed}");
        }

        (_environment, Actions) = (environment, actions);
    }

    /// <summary>How many actions there are.</summary>
    public int Actions { get; }

    /// <summary>What a network says: particles of every action.</summary>
    /// <param name="model">The network, or a copy of it.</param>
    /// <param name="observations">[N,D].</param>
    /// <param name="stocks">[N].</param>
    /// <returns>[N,A,M].</returns>
    public Tensor Particles(IFunctionModel model, Tensor observations, Tensor stocks)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(observations);
        ArgumentNullException.ThrowIfNull(stocks);
        var values = model.Compute(_stocked ? cat([observations, stocks.unsqueeze(1)], 1) : observations);
        return values.dim() == 2 ? values.unsqueeze(2) : values;
    }

    /// <summary>What a network says of the first state of an episode, for several stocks.</summary>
    /// <param name="model">The network.</param>
    /// <param name="stocks">[J].</param>
    /// <param name="draws">Source of the state, where it is drawn.</param>
    /// <returns>[J,A,M].</returns>
    public Tensor AtStart(IFunctionModel model, IReadOnlyList<double> stocks, Draws draws)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stocks);
        using var still = no_grad();
        var like = model.Network.parameters().First();
        var observation = _environment.Reset(1, draws).Observations.to(like.device).to_type(like.dtype);
        return Particles(model, observation.expand(stocks.Count, -1), tensor([.. stocks], like.dtype, device: like.device));
    }

    /// <summary>Plays episodes greedily.</summary>
    /// <param name="model">The network.</param>
    /// <param name="objective">Its greedy rule.</param>
    /// <param name="stock">Where every episode's stock begins.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="gamma">The discount of the returns.</param>
    /// <param name="draws">Source of chance.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Their returns.</returns>
    public double[] Returns(IFunctionModel model, ReplayObjective objective, double stock, int episodes, double gamma, Draws draws, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(objective);
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var like = model.Network.parameters().First();
        var played = _environment.Reset(episodes, draws);
        var (returns, live, discount) = (new double[episodes], Enumerable.Repeat(true, episodes).ToArray(), 1.0);
        var stocks = full(episodes, stock, like.dtype, like.device);
        for (var step = 0; step < _environment.Horizon && live.Any(row => row); step++)
        {
            cancel.ThrowIfCancellationRequested();
            var seen = played.Observations.to(like.device).to_type(like.dtype);
            var outcome = played.Step(objective.Greedy(Particles(model, seen, stocks), stocks).unsqueeze(1));
            stocks = objective.NextStocks(stocks, outcome.Rewards.to(like.device).to_type(like.dtype));
            var (rewards, ended) = (Numbers(outcome.Rewards), Flags(outcome.Terminated.logical_or(outcome.Truncated)));
            for (var row = 0; row < episodes; row++)
            {
                returns[row] += live[row] ? discount * rewards[row] : 0;
                live[row] &= !ended[row];
            }

            discount *= gamma;
        }

        return returns;
    }

    internal static double[] Numbers(Tensor of) => of.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();

    internal static bool[] Flags(Tensor of) => of.cpu().contiguous().data<bool>().ToArray();
}
