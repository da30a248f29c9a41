namespace Plumbline.Training.Search;

/// <summary>Options of <c>depth-first</c>.</summary>
public sealed record DepthFirstOptions
{
    /// <summary>Steps in all before it gives up.</summary>
    [Positive]
    public int Budget { get; init; } = 64;

    /// <summary>The longest path in steps; where it is reached the search goes back.</summary>
    [Positive]
    public int Depth { get; init; } = 16;

    /// <summary>Steps tried from one state.</summary>
    [Positive]
    public int Width { get; init; } = 2;

    /// <summary>The reward from which on a finished path is right and ends the search.</summary>
    public double RightAt { get; init; } = 1;
}

/// <summary>Depth-first search: goes on from the newest state, and where a path ends wrong or too deep goes back to the nearest state that has a step left to try.</summary>
[Search("depth-first")]
public sealed class DepthFirst(DepthFirstOptions options) : LockstepSearch
{
    /// <inheritdoc/>
    protected override IEnumerable<Wait> Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Search(run);
    }

    private IEnumerable<Wait> Search(Run run)
    {
        var tree = run.Tree;
        var tried = new Dictionary<int, int>();
        int? found = null;
        while (found is null && tried.Values.Sum() < options.Budget && Next(tree, tried) is { } node)
        {
            var times = tried[node] = tried.GetValueOrDefault(node) + 1;
            var wait = new Wait([new Expansion(tree[node].State!, 1, run.Draws.Key("expand").Key(node).Key(times - 1)) { Last = tree[node].Depth + 1 == options.Depth }]);
            yield return wait;
            foreach (var state in wait.Children[0])
            {
                var child = tree.Add(node, state);
                found = child.TerminalReward >= options.RightAt ? child.Index : found;
            }
        }

        // Without a right path: the one that earned most, then the deepest, then the first.
        var end = found ?? tree.Where(node => node.Children.Count == 0).MaxBy(node => (node.TerminalReward ?? double.NegativeInfinity, node.Depth))!.Index;
        run.Paths = [tree.PathTo(end)];
        foreach (var node in run.Paths[0])
        {
            tree[node].Visits++;
        }
    }

    /// <summary>From the newest node up: the first that can be gone on from.</summary>
    private int? Next(SearchTree tree, Dictionary<int, int> tried)
    {
        for (var node = tree.Count - 1; node >= 0; node = tree[node].Parent)
        {
            if (!tree[node].State!.Terminal && tree[node].Depth < options.Depth && tried.GetValueOrDefault(node) < options.Width)
            {
                return node;
            }
        }

        return null;
    }
}
