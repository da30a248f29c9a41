using Plumbline.Training.Search;

namespace Plumbline.Plugins.MctsDpo;

/// <summary>Every right path of a search against every wrong one, as whole solutions; for DPO, the baseline of the claim of mcts-dpo.</summary>
[Part(SearchKinds.TreePairs, "mcts-dpo-whole")]
public sealed class WholeSolutions : ITreePairs
{
    /// <inheritdoc/>
    public IReadOnlyList<TreePair> Pairs(SearchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var ends = result.Paths.ToLookup(path => result.Tree[path[^1]].TerminalReward == 1, path => path[1]);
        return [.. ends[true].SelectMany(_ => ends[false], (right, wrong) => new TreePair(0, right, wrong))];
    }
}
