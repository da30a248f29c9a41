using Plumbline.Training.Search;

namespace Plumbline.Plugins.MctsDpo;

/// <summary>At every node on the chosen path that has several children the best of them against the worst, with their visits.</summary>
[Part(SearchKinds.TreePairs, "mcts-dpo", Paper = "2405.00451", Title = "Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning")]
public sealed class StepPairs(StepPairsOptions options) : ITreePairs
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Columns => ["chosen_visits", "rejected_visits"];

    /// <inheritdoc/>
    public IReadOnlyList<TreePair> Pairs(SearchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return [.. Of(result.Tree, result.Paths[0], options.Negative).Select(pair => pair with
        {
            Numbers = new Dictionary<string, double> { ["chosen_visits"] = result.Tree[pair.Chosen].Visits, ["rejected_visits"] = result.Tree[pair.Rejected].Visits },
        })];
    }

    /// <summary>Children ranked by (q, policy, r, value, visits); the last is chosen, the first rejected, or the one before the last.</summary>
    internal static IEnumerable<TreePair> Of(SearchTree tree, IReadOnlyList<int> path, NegativeStep negative)
    {
        foreach (var node in path.Where(node => tree[node].Children.Count >= 2))
        {
            var policy = TreeStatistics.StepPolicy(tree, node, temperature: 0, considerDiversity: true);
            var ranked = tree.Children(node).Zip(policy)
                .OrderBy(child => (child.First.Q, child.Second, tree.Reward(child.First.Index), child.First.Value, child.First.Visits))
                .Select(child => child.First.Index).ToArray();
            yield return new TreePair(node, ranked[^1], negative == NegativeStep.Worst ? ranked[0] : ranked[^2]);
        }
    }
}
