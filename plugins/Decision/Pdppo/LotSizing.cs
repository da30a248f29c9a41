using static TorchSharp.torch;

namespace Plumbline.Plugins.Pdppo;

/// <summary>Stochastic lot sizing: machines that are set up for one item at a time, stores, and a demand that nobody knows beforehand.</summary>
/// <remarks>
/// An action tells each machine an item, 1 … I, or 0 to idle. Seen are the stores over their capacity and each machine's setup, one-hot. What is produced and
/// what the setups cost is known once the machines are told; then the demand comes. The problem's numbers are drawn once a run.
/// </remarks>
[Environment("lot-sizing")]
public sealed class LotSizing : IVectorEnvironment
{
    private readonly LotSizingOptions _options;
    private readonly double[] _production;
    private readonly double[] _setupCosts;
    private readonly double[] _holding;
    private readonly double[] _lostSales;

    /// <summary>Draws the problem's numbers.</summary>
    /// <param name="options">How large it is.</param>
    /// <param name="run">Its seed draws the numbers, unless the options name an instance; null: only the sizes are asked for.</param>
    public LotSizing(LotSizingOptions options, RunContext? run = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        var draws = new Draws(options.Instance ?? run?.Seed ?? 0).Key("lot-sizing");
        var pairs = Enumerable.Range(0, options.Machines * options.Items);
        _production = [.. pairs.Select(i => draws.Key("unable").Key(i).Uniform() < options.Unable ? 0.0
            : options.LeastProduction + draws.Key("production").Key(i).Below(options.MostProduction - options.LeastProduction + 1))];
        _setupCosts = [.. pairs.Select(i => Between(options.SetupCosts, draws.Key("setup").Key(i)))];
        _holding = [.. Enumerable.Range(0, options.Items).Select(i => Between(options.HoldingCosts, draws.Key("holding").Key(i)))];
        _lostSales = [.. Enumerable.Range(0, options.Items).Select(i => Between(options.LostSalesCosts, draws.Key("lost-sales").Key(i)))];

        static double Between(IReadOnlyList<double> range, Draws draws) => range[0] + ((range[1] - range[0]) * draws.Uniform());
    }

    /// <inheritdoc/>
    public int ObservationSize => _options.Items + (_options.Machines * (_options.Items + 1));

    /// <inheritdoc/>
    public ActionSpace Actions => ActionSpace.Discrete([.. Enumerable.Repeat(_options.Items + 1, _options.Machines)]);

    /// <inheritdoc/>
    public int Horizon => _options.Horizon;

    /// <inheritdoc/>
    public IVectorEpisodes Reset(int episodes, Draws draws) => new Factories(this, episodes, draws);

    /// <summary>What the machines make, and what their setups cost: post_inventory […,I], post_setup […,M], setup_cost […].</summary>
    /// <param name="inventory">[…,I] in store.</param>
    /// <param name="setup">[…,M] int64, the item each machine is set up for, from 1; 0: none.</param>
    /// <param name="action">[…,M] int64, the item each machine is to make, from 1; 0: none.</param>
    /// <param name="production">[M,I] pieces a step.</param>
    /// <param name="setupCosts">[M,I] of setting a machine up for an item.</param>
    /// <param name="setupLoss">[M,I] pieces that the setup costs.</param>
    /// <exception cref="InvalidInputException">Shapes differ, or an item does not exist.</exception>
    [Target("pdppo/lot_sizing_post_state")]
    public static Outputs PostState(Tensor inventory, Tensor setup, Tensor action, Tensor production, Tensor setupCosts, Tensor setupLoss)
    {
        ArgumentNullException.ThrowIfNull(inventory);
        ArgumentNullException.ThrowIfNull(setup);
        ArgumentNullException.ThrowIfNull(action);
        ArgumentNullException.ThrowIfNull(production);
        var batch = new Batch().With("setup", setup).With("action", action).With("production", production).With("setup_costs", setupCosts).With("setup_loss", setupLoss);
        batch.RequireSameShape("setup", "action");
        batch.RequireSameShape("production", "setup_costs", "setup_loss");
        var items = inventory.shape[^1];
        if (production.dim() != 2 || production.shape[1] != items || setup.dim() == 0 || production.shape[0] != setup.shape[^1])
        {
            throw new InvalidInputException($"the shape of 'production' is [{string.Join(',', production.shape)}], and must be [machines,items]: inventory has {items} items, setup the shape [{string.Join(',', setup.shape)}]");
        }

        RequireItems("action", action, items);
        RequireItems("setup", setup, items);
        var numbers = arange(1, items + 1, ScalarType.Int64, inventory.device);
        // […,M,I]: 1 where the machine makes the item.
        var makes = action.unsqueeze(-1).eq(numbers).to_type(inventory.dtype);
        var changes = action.ne(setup).unsqueeze(-1).to_type(inventory.dtype);
        var output = makes * (production - (changes * setupLoss));
        return new Outputs { ["post_inventory"] = inventory + output.sum(-2), ["post_setup"] = action.clone(), ["setup_cost"] = (makes * changes * setupCosts).sum([-2, -1]) };
    }

    /// <summary>The demand and what it costs: inventory […,I]; lost_sales_cost, holding_cost, reward […].</summary>
    /// <param name="postInventory">[…,I] in store once the machines are done.</param>
    /// <param name="demand">[…,I].</param>
    /// <param name="capacity">[I] of the stores; what is beyond it is lost.</param>
    /// <param name="holdingCosts">[I] of a piece that stays in store.</param>
    /// <param name="lostSalesCosts">[I] of a piece that is asked for in vain.</param>
    /// <param name="setupCost">[…].</param>
    [Target("pdppo/lot_sizing_demand")]
    public static Outputs Demand(Tensor postInventory, Tensor demand, Tensor capacity, Tensor holdingCosts, Tensor lostSalesCosts, Tensor setupCost)
    {
        ArgumentNullException.ThrowIfNull(postInventory);
        ArgumentNullException.ThrowIfNull(capacity);
        var batch = new Batch().With("post_inventory", postInventory).With("demand", demand).With("capacity", capacity).With("holding_costs", holdingCosts).With("lost_sales_costs", lostSalesCosts);
        batch.RequireSameShape("post_inventory", "demand");
        batch.RequireSameShape("capacity", "holding_costs", "lost_sales_costs");
        if (capacity.dim() != 1 || capacity.shape[0] != postInventory.shape[^1])
        {
            throw new InvalidInputException($"the shape of 'capacity' is [{string.Join(',', capacity.shape)}], and post_inventory has {postInventory.shape[^1]} items");
        }

        var left = postInventory - demand;
        var inventory = left.clamp_min(0).minimum(capacity);
        var lost = ((-left).clamp_min(0) * lostSalesCosts).sum(-1);
        var holding = (inventory * holdingCosts).sum(-1);
        return new Outputs { ["inventory"] = inventory, ["lost_sales_cost"] = lost, ["holding_cost"] = holding, ["reward"] = -(setupCost + lost + holding) };
    }

    private static void RequireItems(string name, Tensor items, long most)
    {
        if (items.lt(0).any().ToBoolean() || items.gt(most).any().ToBoolean())
        {
            throw new InvalidInputException($"the '{name}' names an item outside 0 … {most}; 0 is to idle");
        }
    }

    /// <summary>The factories of many episodes, a row each.</summary>
    private sealed class Factories : IPostDecisionEpisodes
    {
        private readonly LotSizing _problem;
        private readonly Draws _draws;
        private readonly double[] _inventory;
        private readonly long[] _setup;
        private readonly int _episodes;
        private int _step;

        internal Factories(LotSizing problem, int episodes, Draws draws)
        {
            (_problem, _draws, _episodes) = (problem, draws, episodes);
            var options = problem._options;
            _inventory = [.. Enumerable.Range(0, episodes * options.Items).Select(i => (double)draws.Key(i / options.Items).Key("start").Key(i % options.Items).Below(options.MostStart + 1))];
            _setup = new long[episodes * options.Machines];
        }

        public Tensor Observations => Seen(tensor(_inventory, [_episodes, Options.Items]), Setup);

        private LotSizingOptions Options => _problem._options;

        private Tensor Setup => tensor(_setup, [_episodes, Options.Machines]);

        public (Tensor Observations, Tensor Rewards) PostDecision(Tensor actions)
        {
            var after = Decide(actions);
            return (Seen(after.Tensor("post_inventory"), after.Tensor("post_setup")), -after.Tensor("setup_cost"));
        }

        public VectorOutcome Step(Tensor actions)
        {
            if (_step >= Options.Horizon)
            {
                return Outcome(zeros(_episodes, ScalarType.Float64));
            }

            var after = Decide(actions);
            var demand = new double[_inventory.Length];
            for (var i = 0; i < demand.Length; i++)
            {
                var asked = _draws.Key(i / Options.Items).Key("demand").Key(_step).Key(i % Options.Items).Uniform() < Options.DemandProbability;
                demand[i] = asked ? Options.Demand : 0;
            }

            Tensor OfItems(double[] values) => tensor(values, [Options.Items]);

            var result = Demand(
                after.Tensor("post_inventory"), tensor(demand, [_episodes, Options.Items]), full(Options.Items, Options.Capacity, ScalarType.Float64),
                OfItems(_problem._holding), OfItems(_problem._lostSales), after.Tensor("setup_cost"));
            result.Tensor("inventory").contiguous().data<double>().CopyTo(_inventory);
            after.Tensor("post_setup").contiguous().data<long>().CopyTo(_setup);
            _step++;
            return Outcome(result.Tensor("reward"));
        }

        private VectorOutcome Outcome(Tensor rewards) => new(rewards, zeros(_episodes, ScalarType.Bool), full(_episodes, _step >= Options.Horizon, ScalarType.Bool));

        private Outputs Decide(Tensor actions)
        {
            Tensor OfPairs(double[] values) => tensor(values, [Options.Machines, Options.Items]);

            return PostState(
                tensor(_inventory, [_episodes, Options.Items]), Setup, actions.detach().cpu(),
                OfPairs(_problem._production), OfPairs(_problem._setupCosts), full([Options.Machines, Options.Items], Options.SetupLoss, ScalarType.Float64));
        }

        private Tensor Seen(Tensor inventory, Tensor setup) =>
            cat([inventory / Options.Capacity, setup.unsqueeze(-1).eq(arange(0, Options.Items + 1, ScalarType.Int64)).to_type(ScalarType.Float64).flatten(1)], 1);
    }
}

/// <summary>Options of <c>lot-sizing</c>. A range is the least and the greatest value.</summary>
public sealed record LotSizingOptions : IChecksItself
{
    /// <summary>Items that are asked for.</summary>
    [Positive]
    public int Items { get; init; } = 6;

    /// <summary>Machines.</summary>
    [Positive]
    public int Machines { get; init; } = 3;

    /// <summary>Steps of an episode.</summary>
    [Positive]
    public int Horizon { get; init; } = 50;

    /// <summary>The number of the problem whose capacities and costs are drawn; null: the run's seed draws them.</summary>
    public int? Instance { get; init; }

    /// <summary>Least pieces that a machine makes a step.</summary>
    [NonNegative]
    public int LeastProduction { get; init; } = 2;

    /// <summary>Most pieces that a machine makes a step.</summary>
    [NonNegative]
    public int MostProduction { get; init; } = 4;

    /// <summary>Probability that a machine can't make an item.</summary>
    [Interval(0, 1)]
    public double Unable { get; init; } = 0.3;

    /// <summary>Range of the cost of setting a machine up for an item.</summary>
    [NonNegative]
    public IReadOnlyList<double> SetupCosts { get; init; } = [0.5, 2];

    /// <summary>Pieces that a setup costs.</summary>
    [NonNegative]
    public double SetupLoss { get; init; } = 1;

    /// <summary>Range of the cost of a piece in store.</summary>
    [NonNegative]
    public IReadOnlyList<double> HoldingCosts { get; init; } = [0.05, 0.15];

    /// <summary>Range of the cost of a piece that is asked for in vain.</summary>
    [NonNegative]
    public IReadOnlyList<double> LostSalesCosts { get; init; } = [1, 3];

    /// <summary>Pieces of an item that can be stored.</summary>
    [Positive]
    public double Capacity { get; init; } = 10;

    /// <summary>Pieces of an item that are asked for, where it is.</summary>
    [Positive]
    public double Demand { get; init; } = 6;

    /// <summary>Probability that an item is asked for at a step.</summary>
    [Interval(0, 1)]
    public double DemandProbability { get; init; } = 0.15;

    /// <summary>Most pieces of an item in store at the start.</summary>
    [NonNegative]
    public int MostStart { get; init; } = 9;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (LeastProduction > MostProduction)
        {
            yield return $"least_production must be at most most_production, which is {MostProduction}, was {LeastProduction}";
        }

        foreach (var (name, range) in new[] { ("setup_costs", SetupCosts), ("holding_costs", HoldingCosts), ("lost_sales_costs", LostSalesCosts) })
        {
            if (range.Count != 2 || range[0] > range[1])
            {
                yield return $"{name} must be a least and a greatest value, was [{string.Join(", ", range)}]";
            }
        }
    }
}
