using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>What an action can lead to.</summary>
/// <param name="State">The next state.</param>
/// <param name="Probability">How probable it is, above 0.</param>
/// <param name="Reward">The reward on the way.</param>
public readonly record struct Transition(int State, double Probability, double Reward);

/// <summary>A decision process in tables: what each action can lead to in each state. A state without actions is terminal.</summary>
public sealed class TabularModel
{
    private const double Rounding = 1e-9;
    private readonly IReadOnlyList<IReadOnlyList<IReadOnlyList<Transition>>> _transitions;

    /// <summary>A model from lists.</summary>
    /// <param name="transitions">For each state, for each action, what it can lead to; a terminal state has no action, every other the same number.</param>
    /// <exception cref="InvalidInputException">Lists don't fit (<c>shape</c>), or those of an action are no distribution (<c>transitions</c>).</exception>
    public TabularModel(IReadOnlyList<IReadOnlyList<IReadOnlyList<Transition>>> transitions)
    {
        ArgumentNullException.ThrowIfNull(transitions);
        _transitions = transitions;
        Actions = transitions.Select(actions => actions.Count).DefaultIfEmpty(0).Max();
        for (var state = 0; state < States; state++)
        {
            if (transitions[state].Count != Actions && transitions[state].Count > 0)
            {
                throw new InvalidInputException($"the shape does not fit: state {state} has {transitions[state].Count} actions and another one has {Actions}; all but terminal states have the same");
            }

            for (var action = 0; action < transitions[state].Count; action++)
            {
                Check(state, action, transitions[state][action]);
            }
        }
    }

    /// <summary>A model from tables.</summary>
    /// <param name="transitions">[S,A,S] the probability of the next state; every row sums to 1, also those of terminal states.</param>
    /// <param name="rewards">[S,A,S] the reward of the transition.</param>
    /// <param name="terminal">[S] bool.</param>
    /// <exception cref="InvalidInputException">Shapes don't fit (<c>shape</c>), or a row is no distribution (<c>transitions</c>).</exception>
    public TabularModel(Tensor transitions, Tensor rewards, Tensor terminal)
        : this(Lists(transitions, rewards, terminal))
    {
    }

    /// <summary>S.</summary>
    public int States => _transitions.Count;

    /// <summary>A.</summary>
    public int Actions { get; }

    /// <summary>Whether an episode ends in a state.</summary>
    public bool Terminal(int state) => _transitions[state].Count == 0;

    /// <summary>What an action can lead to.</summary>
    public IReadOnlyList<Transition> Next(int state, int action) => _transitions[state][action];

    /// <summary>Refuses a state that is none.</summary>
    /// <exception cref="InvalidInputException">The message holds the input's name.</exception>
    public void Require(int state, string name)
    {
        if (state < 0 || state >= States)
        {
            throw new InvalidInputException($"{name} must be a state, in 0 to {States - 1}, was {state}");
        }
    }

    private void Check(int state, int action, IReadOnlyList<Transition> next)
    {
        var sum = next.Sum(to => to.Probability >= 0 ? to.Probability : double.NaN);
        if (!(Math.Abs(sum - 1) <= Rounding))
        {
            throw new InvalidInputException($"the transitions of state {state} and action {action} must have probabilities of at least 0 that sum to 1; their sum is {sum}");
        }

        if (next.Any(to => to.State < 0 || to.State >= States))
        {
            throw new InvalidInputException($"the transitions of state {state} and action {action} lead to a state outside 0 to {States - 1}");
        }
    }

    private static Transition[][][] Lists(Tensor transitions, Tensor rewards, Tensor terminal)
    {
        ArgumentNullException.ThrowIfNull(transitions);
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(terminal);
        new Batch().With("transitions", transitions).With("rewards", rewards).RequireSameShape("transitions", "rewards");
        if (transitions.shape is not [var count, var actions, var next] || next != count || actions == 0 || terminal.shape is not [var ends] || ends != count)
        {
            throw new InvalidInputException($"the shape of 'transitions' is [{string.Join(',', transitions.shape)}] and that of 'terminal' is [{string.Join(',', terminal.shape)}]; they must be [S,A,S] and [S]");
        }

        var states = (int)count;
        var (probabilities, pays) = (Numbers(transitions), Numbers(rewards));
        var over = terminal.to_type(ScalarType.Bool).cpu().contiguous().data<bool>().ToArray();
        Transition[][][] whole = [.. probabilities.Chunk(states).Select((row, r) => row.Select((probability, to) => new Transition(to, probability, pays[(r * states) + to])).ToArray()).Chunk((int)actions)];
        // Terminal states' rows are looked at too: a broken table is one wherever it is broken.
        _ = new TabularModel(whole);
        return [.. whole.Select((rows, state) => over[state] ? [] : rows.Select(row => row.Where(to => to.Probability > 0).ToArray()).ToArray())];

        static double[] Numbers(Tensor table) => table.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }
}
