using System.Runtime.InteropServices;

namespace Plumbline.Plugins.Gigpo;

/// <summary>Numbers states as they come: equal ones of a group, or nearly equal ones, have one number.</summary>
/// <param name="threshold">A state joins the first cluster whose first member is at least so similar; null: only equal states are one.</param>
internal sealed class StateClusters(double? threshold)
{
    private readonly Dictionary<(long Group, string State), long> _known = [];
    private readonly Dictionary<long, List<(string First, long Id)>> _clusters = [];
    private readonly List<long> _sizes = [];

    /// <summary>States that have each number.</summary>
    internal IReadOnlyList<long> Sizes => _sizes;

    /// <summary>The number of a state.</summary>
    internal long Of(string state, long group)
    {
        // Clusters only grow in number and keep their first member: an equal state joins the same one again.
        ref var id = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, (group, state), out var met);
        if (!met)
        {
            id = Join(state, group);
        }

        _sizes[(int)id]++;
        return id;
    }

    private long Join(string state, long group)
    {
        if (!_clusters.TryGetValue(group, out var clusters))
        {
            _clusters[group] = clusters = [];
        }

        if (threshold is { } least && clusters.FindIndex(cluster => TextSimilarity.Of(state, cluster.First, least) >= least) is var near and >= 0)
        {
            return clusters[near].Id;
        }

        clusters.Add((state, _sizes.Count));
        _sizes.Add(0);
        return _sizes.Count - 1;
    }
}

/// <summary>How much two texts have in common: 2M/(|a|+|b|), M the characters of the longest common block and, recursively, of those left and right of it.</summary>
/// <remarks>The ratio of J. W. Ratcliff and J. A. Obershelp. Of blocks of equal length the one earliest in a counts, then the one earliest in b.</remarks>
internal static class TextSimilarity
{
    /// <summary>The similarity, from 0 to 1; where it can't reach <paramref name="least"/>, some bound below that.</summary>
    internal static double Of(string a, string b, double least = 0)
    {
        if (a.Length + b.Length == 0)
        {
            return 1;
        }

        double Ratio(int matched) => 2.0 * matched / (a.Length + b.Length);
        var most = Ratio(Math.Min(a.Length, b.Length));
        return most < least ? most : Ratio(Matched(a, b, new int[b.Length + 1]));
    }

    private static int Matched(ReadOnlySpan<char> a, ReadOnlySpan<char> b, int[] ends)
    {
        var (start, other, length) = LongestBlock(a, b, ends);
        return length == 0 ? 0 : length + Matched(a[..start], b[..other], ends) + Matched(a[(start + length)..], b[(other + length)..], ends);
    }

    private static (int Start, int Other, int Length) LongestBlock(ReadOnlySpan<char> a, ReadOnlySpan<char> b, int[] ends)
    {
        // ends[j + 1]: the length of the common block that ends with a[i] and b[j].
        ends.AsSpan(0, b.Length + 1).Clear();
        var best = (Start: 0, Other: 0, Length: 0);
        for (var i = 0; i < a.Length; i++)
        {
            for (var j = b.Length - 1; j >= 0; j--)
            {
                var length = ends[j + 1] = a[i] == b[j] ? ends[j] + 1 : 0;
                var block = (Start: i - length + 1, Other: j - length + 1, Length: length);
                if (length > best.Length || (length > 0 && length == best.Length && (block.Start, block.Other).CompareTo((best.Start, best.Other)) < 0))
                {
                    best = block;
                }
            }
        }

        return best;
    }
}
