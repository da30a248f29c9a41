using static TorchSharp.torch;

namespace Plumbline.Plugins.Pdppo;

/// <summary>A frozen lake: a walker moves one cell, which is certain, and may then slide one cell further.</summary>
/// <remarks>
/// Rows of S (start), F (ice), H (hole) and G (goal), where exactly one is G. Moves are 0 left, 1 down, 2 right, 3 up; walls hold. Seen is the walker's cell, one-hot.
/// The directions in which each cell slides are drawn once a run.
/// </remarks>
[Environment("frozen-lake")]
public sealed class FrozenLake : IVectorEnvironment
{
    private const int Moves = 4;
    private readonly FrozenLakeOptions _options;
    private readonly Ice _ice;
    private readonly double[] _slides;

    /// <summary>Draws the lake's slippery directions.</summary>
    /// <param name="options">The lake.</param>
    /// <param name="run">Its seed draws them, unless the options name an instance; null: only the sizes are asked for.</param>
    public FrozenLake(FrozenLakeOptions options, RunContext? run = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _ice) = (options, new Ice(options.Grid));
        var draws = new Draws(options.Instance ?? run?.Seed ?? 0).Key("frozen-lake");
        _slides = new double[_ice.Cells * Moves];
        for (var cell = 0; cell < _ice.Cells; cell++)
        {
            double[] weights = [.. Enumerable.Range(0, Moves).Select(b => draws.Key(cell).Key(b).Uniform())];
            for (var b = 0; b < Moves; b++)
            {
                _slides[(cell * Moves) + b] = weights[b] / weights.Sum();
            }
        }
    }

    /// <inheritdoc/>
    public int ObservationSize => _ice.Cells;

    /// <inheritdoc/>
    public ActionSpace Actions { get; } = ActionSpace.Discrete(Moves);

    /// <inheritdoc/>
    public int Horizon => _options.Horizon;

    /// <inheritdoc/>
    public IVectorEpisodes Reset(int episodes, Draws draws) => new Walkers(this, episodes, draws);

    /// <summary>What a move leads to: post_state, the cell after the move itself; probabilities [cells] after the slide; expected_reward; terminal, whether the episode was over or is so with the goal reached.</summary>
    /// <param name="grid">The rows of the lake.</param>
    /// <param name="state">row · columns + column.</param>
    /// <param name="action">0 left, 1 down, 2 right, 3 up.</param>
    /// <param name="tileProbabilities">[rows,columns,4] in which direction a cell slides.</param>
    /// <param name="options">How probable a slide is.</param>
    /// <exception cref="InvalidInputException">The grid has not one goal; the state lies outside it; there is no such move; shapes differ.</exception>
    [Target("pdppo/frozen_lake")]
    public static Outputs Move(IReadOnlyList<string> grid, int state, int action, Tensor tileProbabilities, FrozenLakeMoveOptions options)
    {
        ArgumentNullException.ThrowIfNull(tileProbabilities);
        ArgumentNullException.ThrowIfNull(options);
        var ice = new Ice(grid);
        if (state < 0 || state >= ice.Cells)
        {
            throw new InvalidInputException($"the state is {state}, and the lake has the cells 0 … {ice.Cells - 1}");
        }

        if (action is < 0 or >= Moves)
        {
            throw new InvalidInputException($"the action is {action}, and the moves are 0 left, 1 down, 2 right, 3 up");
        }

        if (!tileProbabilities.shape.AsSpan().SequenceEqual([ice.Rows, ice.Columns, Moves]))
        {
            throw new InvalidInputException($"the shape of 'tile_probabilities' is [{string.Join(',', tileProbabilities.shape)}], and must be [{ice.Rows},{ice.Columns},{Moves}]");
        }

        var (probabilities, reward) = (new double[ice.Cells], 0.0);
        var post = ice.IsOver(state) ? state : ice.After(state, action);
        var terminal = ice.IsOver(state) || ice.IsGoal(post);
        probabilities[post] = terminal ? 1 : 1 - options.Slip;
        if (!ice.IsOver(state))
        {
            reward = ice.Reward(post);
        }

        for (var b = 0; b < Moves && !terminal; b++)
        {
            var chance = options.Slip * tileProbabilities[post / ice.Columns, post % ice.Columns, b].ToDouble();
            var slid = ice.After(post, b);
            probabilities[slid] += chance;
            reward += chance * ice.Reward(slid);
        }

        Tensor Like(Tensor values) => values.to(tileProbabilities.device).to_type(tileProbabilities.dtype);

        return new Outputs { ["post_state"] = post, ["probabilities"] = Like(tensor(probabilities)), ["expected_reward"] = Like(tensor(reward)), ["terminal"] = terminal };
    }

    /// <summary>The cells of a lake.</summary>
    private sealed class Ice
    {
        private readonly string _cells;
        private readonly int _goal;

        internal Ice(IReadOnlyList<string> grid)
        {
            ArgumentNullException.ThrowIfNull(grid);
            (Rows, Columns, _cells) = (grid.Count, grid.Count == 0 ? 0 : grid[0].Length, string.Concat(grid));
            if (Columns == 0 || grid.Any(row => row.Length != Columns) || _cells.Any(cell => !"SFHG".Contains(cell, StringComparison.Ordinal)) || _cells.Count(cell => cell == 'G') != 1)
            {
                throw new InvalidInputException($"the grid must have rows of one length of S, F, H and exactly one G; it is {string.Join(' ', grid)}");
            }

            _goal = _cells.IndexOf('G', StringComparison.Ordinal);
            Start = Math.Max(_cells.IndexOf('S', StringComparison.Ordinal), 0);
        }

        internal int Rows { get; }

        internal int Columns { get; }

        internal int Cells => _cells.Length;

        internal int Start { get; }

        internal bool IsGoal(int cell) => cell == _goal;

        internal bool IsOver(int cell) => _cells[cell] is 'G' or 'H';

        internal int After(int cell, int move)
        {
            var (row, column) = Math.DivRem(cell, Columns);
            (row, column) = move switch { 0 => (row, column - 1), 1 => (row + 1, column), 2 => (row, column + 1), _ => (row - 1, column) };
            return row >= 0 && row < Rows && column >= 0 && column < Columns ? (row * Columns) + column : cell;
        }

        internal double Reward(int cell)
        {
            var distance = Math.Abs((cell / Columns) - (_goal / Columns)) + Math.Abs((cell % Columns) - (_goal % Columns));
            return IsGoal(cell) ? 1 : (1.0 / (1 + distance)) - (_cells[cell] == 'H' ? 1.0 / (Rows + Columns) : 0);
        }
    }

    /// <summary>The walkers of many episodes, a row each.</summary>
    private sealed class Walkers : IPostDecisionEpisodes
    {
        private readonly FrozenLake _lake;
        private readonly Draws _draws;
        private readonly int[] _cells;
        private int _step;

        internal Walkers(FrozenLake lake, int episodes, Draws draws)
        {
            (_lake, _draws, _cells) = (lake, draws, new int[episodes]);
            Array.Fill(_cells, lake._ice.Start);
        }

        public Tensor Observations => Seen(_cells);

        public (Tensor Observations, Tensor Rewards) PostDecision(Tensor actions)
        {
            var post = Moved(actions);
            return (Seen(post), tensor(post.Select((cell, row) => Over(row) ? 0 : _lake._ice.Reward(cell)).ToArray()));
        }

        public VectorOutcome Step(Tensor actions)
        {
            var post = Moved(actions);
            var (rewards, ended) = (new double[_cells.Length], new bool[_cells.Length]);
            for (var row = 0; row < _cells.Length; row++)
            {
                if (!Over(row))
                {
                    rewards[row] = _lake._ice.Reward(post[row]);
                    _cells[row] = post[row];
                    var own = _draws.Key(row).Key(_step);
                    if (!_lake._ice.IsGoal(post[row]) && own.Key("slip").Uniform() < _lake._options.Slip)
                    {
                        _cells[row] = _lake._ice.After(post[row], Direction(post[row], own.Key("direction").Uniform()));
                        rewards[row] += _lake._ice.Reward(_cells[row]);
                    }
                }

                ended[row] = _lake._ice.IsOver(_cells[row]);
            }

            _step = Math.Min(_step + 1, _lake._options.Horizon);
            return new VectorOutcome(tensor(rewards), tensor(ended), full(_cells.Length, _step >= _lake._options.Horizon, ScalarType.Bool));
        }

        private bool Over(int row) => _step >= _lake._options.Horizon || _lake._ice.IsOver(_cells[row]);

        private int[] Moved(Tensor actions)
        {
            var moves = actions.detach().cpu().contiguous().data<long>().ToArray();
            return [.. _cells.Select((cell, row) => _lake._ice.IsOver(cell) ? cell : _lake._ice.After(cell, (int)moves[row]))];
        }

        private int Direction(int cell, double uniform)
        {
            var b = 0;
            for (var left = uniform - _lake._slides[cell * Moves]; left >= 0 && b < Moves - 1; left -= _lake._slides[(cell * Moves) + b])
            {
                b++;
            }

            return b;
        }

        private Tensor Seen(int[] cells) => tensor(cells.Select(cell => (long)cell).ToArray()).unsqueeze(1).eq(arange(0, _lake._ice.Cells, ScalarType.Int64)).to_type(ScalarType.Float64);
    }
}

/// <summary>Options of <c>frozen-lake</c>.</summary>
public sealed record FrozenLakeOptions
{
    /// <summary>The rows of the lake, of S, F, H and one G.</summary>
    public IReadOnlyList<string> Grid { get; init; } = ["SFFF", "FHFH", "FFFH", "HFFG"];

    /// <summary>Probability of sliding one cell further.</summary>
    [Interval(0, 1)]
    public double Slip { get; init; } = 0.5;

    /// <summary>Steps of the longest episode.</summary>
    [Positive]
    public int Horizon { get; init; } = 50;

    /// <summary>The number of the lake whose slippery directions are drawn; null: the run's seed draws them.</summary>
    public int? Instance { get; init; }
}
