using Plumbline.Training.Decisions;

namespace Plumbline.Plugins.DistributionalDp;

/// <summary>What a plan says of a state: the action, the distribution of the return to go and what it is worth.</summary>
/// <param name="Action">The best action; -1 where no decision is left.</param>
/// <param name="Utility">E f(c + G).</param>
/// <param name="Returns">The distribution of G.</param>
public sealed record Decision(int Action, double Utility, ReturnDistribution Returns);

/// <summary>Exact value iteration of return distributions on a small model, over the states and stocks that can be reached.</summary>
/// <param name="model">Its tables.</param>
/// <param name="utility">f.</param>
/// <param name="gamma">The discount.</param>
public sealed class Planner(TabularModel model, ReturnUtility utility, double gamma)
{
    /// <summary>An action wins over an earlier one only if it is better by more.</summary>
    private const double Tie = 1e-12;

    private const int Decimals = 9;
    private static readonly ReturnDistribution Nothing = ReturnDistribution.Point(0);
    private readonly Dictionary<(int Horizon, int State, double Stock), Decision> _decisions = [];

    /// <summary>The best decision.</summary>
    /// <param name="horizon">Decisions left.</param>
    /// <param name="state">The state.</param>
    /// <param name="stock">Its stock.</param>
    /// <exception cref="InvalidInputException">The horizon is negative or the state unknown; the message names it.</exception>
    public Decision Plan(int horizon, int state, double stock)
    {
        model.Require(state, "start_state");
        return horizon >= 0 ? At(horizon, state, stock) : throw new InvalidInputException($"horizon must be >= 0, was {horizon}");
    }

    /// <summary>The returns of a sequence of actions that is fixed beforehand: it ignores states and rewards.</summary>
    public ReturnDistribution Follow(ReadOnlySpan<int> actions, int state)
    {
        if (actions.Length == 0 || model.Terminal(state))
        {
            return Nothing;
        }

        var parts = new List<(double, double, double, ReturnDistribution)>();
        foreach (var (next, probability, reward) in model.Next(state, actions[0]))
        {
            parts.Add((probability, reward, gamma, Follow(actions[1..], next)));
        }

        return ReturnDistribution.Mix(parts);
    }

    /// <summary>The best of all sequences of actions that are fixed beforehand; there are A to the power of the horizon.</summary>
    public Decision BestSequence(int horizon, int state, double stock)
    {
        var best = new Decision(-1, double.NegativeInfinity, Nothing);
        var actions = new int[horizon];
        for (var number = 0L; number < (long)Math.Pow(model.Actions, horizon); number++)
        {
            var rest = number;
            for (var i = 0; i < horizon; i++)
            {
                (rest, var action) = Math.DivRem(rest, model.Actions);
                actions[i] = (int)action;
            }

            var returns = Follow(actions, state);
            var worth = Worth(stock, returns);
            best = worth > best.Utility + Tie ? new Decision(horizon == 0 ? -1 : actions[0], worth, returns) : best;
        }

        return best;
    }

    private Decision At(int horizon, int state, double stock)
    {
        if (horizon == 0 || model.Terminal(state))
        {
            return new Decision(-1, Worth(stock, Nothing), Nothing);
        }

        var key = (horizon, state, Math.Round(stock, Decimals));
        if (_decisions.TryGetValue(key, out var known))
        {
            return known;
        }

        var best = new Decision(-1, double.NegativeInfinity, Nothing);
        for (var action = 0; action < model.Actions; action++)
        {
            var returns = ReturnDistribution.Mix([.. model.Next(state, action).Select(next =>
                (next.Probability, next.Reward, gamma, At(horizon - 1, next.State, (stock + next.Reward) / gamma).Returns))]);
            var worth = Worth(stock, returns);
            best = worth > best.Utility + Tie ? new Decision(action, worth, returns) : best;
        }

        return _decisions[key] = best;
    }

    /// <summary>E f(c + G). What rounding leaves of a sum of 0 must not decide whether a threshold is reached.</summary>
    private double Worth(double stock, ReturnDistribution returns) =>
        returns.Expect(value => DistributionalDp.Of(utility, utility == ReturnUtility.Threshold ? Math.Round(stock + value, Decimals) : stock + value));
}
