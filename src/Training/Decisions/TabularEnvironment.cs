using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>A decision problem whose tables are known, so that it can be planned exactly.</summary>
public interface ITabularEnvironment : IVectorEnvironment
{
    /// <summary>The tables.</summary>
    TabularModel Model { get; }

    /// <summary>Where every episode begins.</summary>
    int Start { get; }
}

/// <summary>What is seen of a tabular problem.</summary>
public enum TabularView
{
    /// <summary>The state, as one number of many that is 1.</summary>
    State,

    /// <summary>The steps so far, as one number of many that is 1.</summary>
    Time,

    /// <summary>The state, then the steps so far.</summary>
    StateAndTime,
}

/// <summary>What an action can lead to.</summary>
public sealed record TabularOutcome
{
    /// <summary>The next state.</summary>
    [NonNegative]
    public int To { get; init; }

    /// <summary>How probable it is.</summary>
    [Interval(0, 1)]
    public double Probability { get; init; } = 1.0;

    /// <summary>The reward on the way.</summary>
    public double Reward { get; init; }
}

/// <summary>An action of a tabular problem.</summary>
public sealed record TabularAction
{
    /// <summary>What it can lead to; the probabilities sum to 1.</summary>
    public required IReadOnlyList<TabularOutcome> Outcomes { get; init; }
}

/// <summary>A state of a tabular problem.</summary>
public sealed record TabularState
{
    /// <summary>What can be done; none where the episode ends.</summary>
    public IReadOnlyList<TabularAction> Actions { get; init; } = [];
}

/// <summary>Options of <c>tabular</c>.</summary>
public sealed record TabularEnvironmentOptions : IChecksItself
{
    /// <summary>The states; an episode begins in the first.</summary>
    public required IReadOnlyList<TabularState> States { get; init; }

    /// <summary>Decisions of an episode; what comes after is worth 0.</summary>
    [Positive]
    public int Horizon { get; init; } = 100;

    /// <summary>What is seen.</summary>
    public TabularView View { get; init; } = TabularView.State;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        string? wrong = null;
        try
        {
            var model = Model();
            wrong = model.States == 0 || model.Terminal(0) ? "states must begin with one that has an action: every episode begins there" : null;
        }
        catch (InvalidInputException refused)
        {
            wrong = "states: " + refused.Message;
        }

        if (wrong is not null)
        {
            yield return wrong;
        }
    }

    internal TabularModel Model() => new([.. States.Select(state => state.Actions.Select(action => action.Outcomes.Where(to => to.Probability > 0).Select(to => new Transition(to.To, to.Probability, to.Reward)).ToArray()).ToArray())]);
}

/// <summary>A decision problem written out in the manifest: states, actions, and what each action can lead to.</summary>
[Environment("tabular")]
public sealed class TabularEnvironment(TabularEnvironmentOptions options) : ITabularEnvironment
{
    /// <inheritdoc/>
    public TabularModel Model { get; } = options.Model();

    /// <inheritdoc/>
    public int Start => 0;

    /// <inheritdoc/>
    public int ObservationSize => (options.View == TabularView.Time ? 0 : Model.States) + (options.View == TabularView.State ? 0 : options.Horizon);

    /// <inheritdoc/>
    public ActionSpace Actions => ActionSpace.Discrete(Model.Actions);

    /// <inheritdoc/>
    public int Horizon => options.Horizon;

    /// <inheritdoc/>
    public IVectorEpisodes Reset(int episodes, Draws draws) => new Episodes(this, options, episodes, draws);

    private sealed class Episodes(TabularEnvironment problem, TabularEnvironmentOptions options, int count, Draws draws) : IVectorEpisodes
    {
        private readonly int[] _states = new int[count];
        private readonly bool[] _over = new bool[count];
        private int _step;

        public Tensor Observations
        {
            get
            {
                var width = problem.ObservationSize;
                var seen = new double[count * width];
                for (var row = 0; row < count; row++)
                {
                    if (options.View != TabularView.Time)
                    {
                        seen[(row * width) + _states[row]] = 1;
                    }

                    // After the last step there is no place for the time; nothing follows.
                    if (options.View != TabularView.State && _step < options.Horizon)
                    {
                        seen[((row + 1) * width) - options.Horizon + _step] = 1;
                    }
                }

                return tensor(seen, [count, width]);
            }
        }

        public VectorOutcome Step(Tensor actions)
        {
            ArgumentNullException.ThrowIfNull(actions);
            long[] chosen = [.. actions.to_type(ScalarType.Int64).cpu().reshape(-1).data<long>()];
            var (rewards, ended) = (new double[count], new bool[count]);
            for (var row = 0; row < count; row++)
            {
                if (_over[row])
                {
                    continue;
                }

                var next = Drawn(problem.Model.Next(_states[row], (int)chosen[row]), draws.Key(row).Key(_step).Uniform());
                (_states[row], rewards[row]) = (next.State, next.Reward);
                _over[row] = ended[row] = problem.Model.Terminal(next.State) || _step == options.Horizon - 1;
            }

            _step++;
            return new VectorOutcome(tensor(rewards), tensor(ended), zeros(count, ScalarType.Bool));
        }

        private static Transition Drawn(IReadOnlyList<Transition> among, double uniform)
        {
            foreach (var transition in among)
            {
                uniform -= transition.Probability;
                if (uniform < 0)
                {
                    return transition;
                }
            }

            return among.Last(transition => transition.Probability > 0);
        }
    }
}
