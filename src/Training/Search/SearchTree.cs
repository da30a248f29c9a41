using System.Collections;
using System.Text.Json.Nodes;

namespace Plumbline.Training.Search;

/// <summary>A searched tree: node 0 is the root, every other node comes after its parent and stands for the step into it and the state after it.</summary>
/// <remarks>What the steps are (text, tokens, a place in an environment) is in each node's <see cref="SearchNode.State"/>; a tree of statistics alone has none.</remarks>
public sealed class SearchTree : IReadOnlyList<SearchNode>
{
    private readonly List<SearchNode> _nodes = [];

    /// <summary>A tree of one node, the root.</summary>
    /// <param name="root">Where the search begins; null in a tree of statistics alone.</param>
    public SearchTree(SearchState? root = null) => _nodes.Add(new SearchNode(0, -1, 0) { State = root });

    /// <inheritdoc/>
    public int Count => _nodes.Count;

    /// <summary>A node by its number.</summary>
    public SearchNode this[int index] => _nodes[index];

    /// <summary>A tree from its record: a list each, M long; a statistic that is left out is 0.</summary>
    /// <param name="parent">The parent of each node; -1 for node 0 alone, and less than the node's own number.</param>
    /// <param name="visits">How often each node was visited.</param>
    /// <param name="q">The value of the step into each node.</param>
    /// <param name="values">The static value of each node.</param>
    /// <param name="v">The backed-up value of each node's state.</param>
    /// <param name="priors">The prior of the step into each node.</param>
    /// <param name="terminalRewards">The reward of each finished node; null elsewhere.</param>
    /// <exception cref="InvalidInputException">The message holds <c>parent</c> or <c>shape</c>.</exception>
    public static SearchTree Of(
        IReadOnlyList<int> parent, IReadOnlyList<int>? visits = null, IReadOnlyList<double>? q = null, IReadOnlyList<double>? values = null,
        IReadOnlyList<double>? v = null, IReadOnlyList<double>? priors = null, IReadOnlyList<double?>? terminalRewards = null)
    {
        ArgumentNullException.ThrowIfNull(parent);
        foreach (var (name, count) in new[] { (nameof(visits), visits?.Count), (nameof(q), q?.Count), (nameof(values), values?.Count), (nameof(v), v?.Count), (nameof(priors), priors?.Count), ("terminal_rewards", terminalRewards?.Count) })
        {
            if (count is { } given && given != parent.Count)
            {
                throw new InvalidInputException($"the shape of '{name}' is [{given}], and 'parent' has {parent.Count} nodes; both must be equal");
            }
        }

        if (parent.Count == 0 || parent[0] != -1)
        {
            throw new InvalidInputException("the 'parent' of node 0, the root, must be -1");
        }

        var tree = new SearchTree();
        for (var node = 1; node < parent.Count; node++)
        {
            if (parent[node] < 0 || parent[node] >= node)
            {
                throw new InvalidInputException($"the 'parent' of node {node} is {parent[node]}; a parent comes before its children, and node 0 alone has none");
            }

            tree.Add(parent[node]);
        }

        foreach (var node in tree)
        {
            node.Visits = visits?[node.Index] ?? 0;
            node.Q = q?[node.Index] ?? 0;
            node.Value = values?[node.Index] ?? 0;
            node.V = v?[node.Index] ?? 0;
            node.Prior = priors?[node.Index] ?? 0;
            node.TerminalReward = terminalRewards?[node.Index];
        }

        return tree;
    }

    /// <summary>Adds a child.</summary>
    /// <param name="parent">The node it hangs on.</param>
    /// <param name="state">The state after the step; null in a tree of statistics alone.</param>
    public SearchNode Add(int parent, SearchState? state = null)
    {
        var node = new SearchNode(_nodes.Count, parent, _nodes[parent].Depth + 1) { State = state };
        if (state is { Terminal: true })
        {
            node.TerminalReward = state.Reward;
        }

        _nodes.Add(node);
        _nodes[parent].Append(node.Index);
        return node;
    }

    /// <summary>The children of a node, in the order they were added.</summary>
    public IEnumerable<SearchNode> Children(int node) => _nodes[node].Children.Select(child => _nodes[child]);

    /// <summary>The nodes from the root to a node, both included.</summary>
    public IReadOnlyList<int> PathTo(int node)
    {
        var path = new int[_nodes[node].Depth + 1];
        for (var at = path.Length - 1; at >= 0; at--, node = _nodes[node].Parent)
        {
            path[at] = node;
        }

        return path;
    }

    /// <summary>What a step added to the static value: value less the parent's; 0 at the root.</summary>
    public double Reward(int node) => node == 0 ? 0 : _nodes[node].Value - _nodes[_nodes[node].Parent].Value;

    /// <summary>Refuses a path that leaves the edges.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>path</c>.</exception>
    public void RequirePath(IReadOnlyList<int> path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Count == 0)
        {
            throw new InvalidInputException("a 'path' is empty; it holds at least the node it begins with");
        }

        for (var i = 0; i < path.Count; i++)
        {
            if (path[i] < 0 || path[i] >= Count || (i > 0 && _nodes[path[i]].Parent != path[i - 1]))
            {
                throw new InvalidInputException($"the 'path' [{string.Join(", ", path)}] leaves the tree's edges at its place {i}: each node must be a child of the one before");
            }
        }
    }

    /// <summary>The children of a node that must have some.</summary>
    /// <exception cref="InvalidInputException">It is a leaf, or there is no such node; the message holds <c>node</c>.</exception>
    public SearchNode[] RequireChildren(int node) =>
        node < 0 || node >= Count ? throw new InvalidInputException($"there is no 'node' {node} in a tree of {Count} nodes")
        : _nodes[node].Children.Count == 0 ? throw new InvalidInputException($"'node' {node} has no children: there is nothing to select")
        : [.. Children(node)];

    /// <summary>The record as JSON: parent, visits, q, priors, values, v, terminal_rewards, and the text of each step where there is one.</summary>
    public JsonObject ToJson()
    {
        var record = new JsonObject
        {
            ["parent"] = List(node => node.Parent),
            ["visits"] = List(node => node.Visits),
            ["q"] = List(node => node.Q),
            ["priors"] = List(node => node.Prior),
            ["values"] = List(node => node.Value),
            ["v"] = List(node => node.V),
            ["terminal_rewards"] = List(node => node.TerminalReward),
        };
        if (_nodes.Any(node => node.State?.Step is not null))
        {
            record["steps"] = List(node => node.State?.Step?.Text);
        }

        return record;

        JsonArray List<T>(Func<SearchNode, T> of) => new([.. _nodes.Select(node => (JsonNode?)JsonValue.Create(of(node)))]);
    }

    /// <inheritdoc/>
    public IEnumerator<SearchNode> GetEnumerator() => _nodes.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>One node of a searched tree.</summary>
/// <param name="index">Its number.</param>
/// <param name="parent">The number of its parent; -1 at the root.</param>
/// <param name="depth">Steps from the root.</param>
public sealed class SearchNode(int index, int parent, int depth)
{
    private readonly List<int> _children = [];

    /// <summary>Its number.</summary>
    public int Index { get; } = index;

    /// <summary>The number of its parent; -1 at the root.</summary>
    public int Parent { get; } = parent;

    /// <summary>Steps from the root.</summary>
    public int Depth { get; } = depth;

    /// <summary>The numbers of its children, in the order they were added.</summary>
    public IReadOnlyList<int> Children => _children;

    /// <summary>How often the step into it was tried.</summary>
    public int Visits { get; set; }

    /// <summary>The value of the step into it.</summary>
    public double Q { get; set; }

    /// <summary>The value of its state as backed up from below.</summary>
    public double V { get; set; }

    /// <summary>Its static value, before anything below it was seen.</summary>
    public double Value { get; set; }

    /// <summary>How likely the policy holds the step into it.</summary>
    public double Prior { get; set; }

    /// <summary>The reward where the path ends here and it is known; null otherwise.</summary>
    public double? TerminalReward { get; set; }

    /// <summary>The state after the step; null in a tree of statistics alone.</summary>
    public SearchState? State { get; init; }

    internal void Append(int child) => _children.Add(child);
}
