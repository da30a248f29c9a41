namespace Plumbline.Training.Search;

/// <summary>Options of <c>mcts</c>.</summary>
public sealed record MctsOptions
{
    /// <summary>Iterations before each step.</summary>
    [Positive]
    public int Iterations { get; init; } = 64;

    /// <summary>So many times as many before the first step.</summary>
    [Positive]
    public int RootFactor { get; init; } = 4;

    /// <summary>Steps proposed at a node; of equal ones the first stays.</summary>
    [Positive]
    public int Actions { get; init; } = 2;

    /// <summary>Steps proposed at the root; null: as many as elsewhere.</summary>
    [Positive]
    public int? RootActions { get; init; }

    /// <summary>The longest path in steps; the last of them goes on to the end where the space can do that.</summary>
    [Positive]
    public int Depth { get; init; } = 3;

    /// <summary>Weight of the policy's prior against the values seen.</summary>
    [NonNegative]
    public double Exploration { get; init; } = 1;

    /// <summary>What a later value counts against an earlier one.</summary>
    [Interval(0, 1)]
    public double Discount { get; init; } = 1;

    /// <summary>Power of the number of tokens that a step's log-probability is divided by in its prior.</summary>
    [Positive]
    public double LengthPenalty { get; init; } = 1.25;

    /// <summary>How good a state is, in [0,1]; null: 1 everywhere, so that outcomes alone count.</summary>
    public Part<IStateValue>? Value { get; init; }

    /// <summary>Below this depth a state's value counts less the deeper it lies.</summary>
    [NonNegative]
    public int LongDepth { get; init; } = 3;

    /// <summary>What a right path counts that is no part of the task's worked solution.</summary>
    [NonNegative]
    public double NoveltyBonus { get; init; } = 1.25;

    /// <summary>A right path counts little where it ends at once, as a guess among a few options does.</summary>
    public bool MultipleChoice { get; init; }

    /// <summary>The reward from which on a finished path is right; below it is wrong.</summary>
    public double RightAt { get; init; } = 1;

    /// <summary>0: take the most visited step; above, draw it by its value, the hotter the more evenly.</summary>
    [NonNegative]
    public double Temperature { get; init; }

    /// <summary>Prefer, of steps visited equally, those below which visits differ.</summary>
    public bool ConsiderDiversity { get; init; } = true;
}

/// <summary>Monte Carlo tree search by PUCT with static values of states: searches, takes a step, searches on from there, until the path ends.</summary>
[Search("mcts")]
public sealed class Mcts(MctsOptions options, IServiceProvider services) : LockstepSearch
{
    private readonly IStateValue? _value = options.Value?.Create(services);

    /// <inheritdoc/>
    protected override IStateValue? Value => _value;

    /// <inheritdoc/>
    protected override IEnumerable<Wait> Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Search(run);
    }

    private IEnumerable<Wait> Search(Run run)
    {
        var (tree, path) = (run.Tree, new List<int> { 0 });
        while (!Ends(tree[path[^1]]))
        {
            var start = path[^1];
            for (var i = 0; i < options.Iterations * (start == 0 ? options.RootFactor : 1); i++)
            {
                foreach (var wait in Iterate(run, start))
                {
                    yield return wait;
                }
            }

            if (tree[start].Children.Count == 0)
            {
                break;
            }

            path.Add(Next(run, start));
        }

        run.Paths = [path];
    }

    /// <summary>Down by selection to a node without children, on from there to an end, and back up after each expansion.</summary>
    private IEnumerable<Wait> Iterate(Run run, int start)
    {
        var (tree, path) = (run.Tree, new List<int> { start });
        tree[start].Visits++;
        while (tree[path[^1]].Children.Count > 0)
        {
            path.Add(TreeStatistics.PuctSelect(tree, path[^1], options.Exploration));
        }

        while (!Ends(tree[path[^1]]))
        {
            var tip = tree[path[^1]];
            var wait = new Wait(
                [new Expansion(tip.State!, tip.Index == 0 ? options.RootActions ?? options.Actions : options.Actions, run.Draws.Key("expand").Key(tip.Index)) { Last = tip.Depth + 1 == options.Depth }],
                children => children.DistinctBy(child => child.Step!.Text.Trim()));
            yield return wait;
            for (var i = 0; i < wait.Children[0].Count; i++)
            {
                Add(tree, tip, wait.Children[0][i], _value is null ? 1 : wait.Values[0][i]);
            }

            if (tip.Index != 0)
            {
                TreeStatistics.Backup(tree, path, options.Discount);
            }

            if (tip.Children.Count == 0)
            {
                break;
            }

            path.Add(TreeStatistics.PuctSelect(tree, tip.Index, options.Exploration));
        }

        TreeStatistics.Backup(tree, path, options.Discount);
    }

    private void Add(SearchTree tree, SearchNode parent, SearchState state, double confidence)
    {
        var child = tree.Add(parent.Index, state);
        child.Prior = TreeStatistics.Prior(state.Step!.Logps, options.LengthPenalty);
        var outcome = state is { Terminal: true, Reward: { } reward } ? (reward >= options.RightAt ? 1 : -1) : 0;
        child.Value = StaticValue.Of(confidence, parent.Depth, parent.Value, outcome, state.Novel, options.LongDepth, options.NoveltyBonus, options.MultipleChoice);
        child.Q = parent.V + tree.Reward(child.Index);
    }

    private int Next(Run run, int node)
    {
        if (options.Temperature == 0)
        {
            return TreeStatistics.BestChild(run.Tree, node, options.ConsiderDiversity);
        }

        var (policy, left) = (TreeStatistics.StepPolicy(run.Tree, node, options.Temperature, options.ConsiderDiversity), run.Draws.Key("step").Key(node).Uniform());
        for (var i = 0; i < policy.Length - 1; i++)
        {
            left -= policy[i];
            if (left < 0)
            {
                return run.Tree[node].Children[i];
            }
        }

        return run.Tree[node].Children[^1];
    }

    private bool Ends(SearchNode node) => node.State!.Terminal || node.Depth >= options.Depth;
}
