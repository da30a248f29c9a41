using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A decision process in tables: the probability and the reward of each transition, and which states are terminal.</summary>
public sealed class TabularModel
{
    private const double Rounding = 1e-9;
    private readonly double[] _transitions;
    private readonly double[] _rewards;
    private readonly bool[] _terminal;

    /// <summary>A model.</summary>
    /// <param name="transitions">[S,A,S] the probability of the next state; every row sums to 1, also those of terminal states.</param>
    /// <param name="rewards">[S,A,S] the reward of the transition.</param>
    /// <param name="terminal">[S] bool.</param>
    /// <exception cref="InvalidInputException">Shapes don't fit (<c>shape</c>), or a row is no distribution (<c>transitions</c>).</exception>
    public TabularModel(Tensor transitions, Tensor rewards, Tensor terminal)
    {
        ArgumentNullException.ThrowIfNull(transitions);
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(terminal);
        new Batch().With("transitions", transitions).With("rewards", rewards).RequireSameShape("transitions", "rewards");
        if (transitions.shape is not [var states, var actions, var next] || next != states || actions == 0 || terminal.shape is not [var ends] || ends != states)
        {
            throw new InvalidInputException($"the shape of 'transitions' is [{string.Join(',', transitions.shape)}] and that of 'terminal' is [{string.Join(',', terminal.shape)}]; they must be [S,A,S] and [S]");
        }

        (States, Actions) = ((int)states, (int)actions);
        _transitions = Numbers(transitions);
        _rewards = Numbers(rewards);
        _terminal = terminal.to_type(ScalarType.Bool).cpu().contiguous().data<bool>().ToArray();
        for (var row = 0; row < States * Actions; row++)
        {
            var probabilities = _transitions.AsSpan(row * States, States);
            var sum = 0.0;
            foreach (var probability in probabilities)
            {
                sum += probability >= 0 ? probability : double.NaN;
            }

            if (!(Math.Abs(sum - 1) <= Rounding))
            {
                throw new InvalidInputException($"the row of 'transitions' for state {row / Actions} and action {row % Actions} must be at least 0 and sum to 1; its sum is {sum}");
            }
        }

        static double[] Numbers(Tensor table) => table.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }

    /// <summary>S.</summary>
    public int States { get; }

    /// <summary>A.</summary>
    public int Actions { get; }

    /// <summary>Whether an episode ends in a state.</summary>
    public bool Terminal(int state) => _terminal[state];

    /// <summary>The states that can follow, with probability and reward; those of probability 0 are left out.</summary>
    public IEnumerable<(int State, double Probability, double Reward)> Next(int state, int action)
    {
        var row = ((state * Actions) + action) * States;
        for (var next = 0; next < States; next++)
        {
            if (_transitions[row + next] > 0)
            {
                yield return (next, _transitions[row + next], _rewards[row + next]);
            }
        }
    }

    /// <summary>Refuses a state that is none.</summary>
    /// <exception cref="InvalidInputException">The message holds the input's name.</exception>
    public void Require(int state, string name)
    {
        if (state < 0 || state >= States)
        {
            throw new InvalidInputException($"{name} must be a state, in 0 to {States - 1}, was {state}");
        }
    }
}
