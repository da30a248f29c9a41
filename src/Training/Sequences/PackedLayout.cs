namespace Plumbline.Training;

/// <summary>Where the tokens of groups lie in one packed row: each prefix once, then the suffixes that share it.</summary>
/// <param name="groups">Group after group.</param>
public sealed class PackedLayout(params IReadOnlyList<PackedGroup> groups)
{
    /// <summary>How the row is divided.</summary>
    public IReadOnlyList<PackedGroup> Groups { get; } = groups;

    /// <summary>Tokens in all.</summary>
    public int Length { get; } = groups.Sum(group => group.Length);

    /// <summary>[Length] each token's place in its own sequence: 0 … P-1 on a prefix, from P on in every suffix.</summary>
    public long[] Positions => [.. Groups.SelectMany(group =>
        Count(0, group.PrefixLength).Concat(group.SuffixLengths.SelectMany(length => Count(group.PrefixLength, length))))];

    /// <summary>[Length] -1 on a prefix, else the suffix's number within its group.</summary>
    public long[] Segments => [.. Groups.SelectMany(group =>
        Enumerable.Repeat(-1L, group.PrefixLength).Concat(group.SuffixLengths.SelectMany((length, i) => Enumerable.Repeat((long)i, length))))];

    /// <summary>For each group and suffix the places after which its tokens come, and one more at its end: the prefix's last one, then the suffix's own.</summary>
    public IReadOnlyList<long[][]> Before
    {
        get
        {
            var (before, start) = (new List<long[][]>(Groups.Count), 0L);
            foreach (var group in Groups)
            {
                var last = start + group.PrefixLength - 1;
                start += group.PrefixLength;
                var suffixes = new long[group.SuffixLengths.Count][];
                for (var i = 0; i < suffixes.Length; start += group.SuffixLengths[i++])
                {
                    suffixes[i] = [last, .. Count(start, group.SuffixLengths[i])];
                }

                before.Add(suffixes);
            }

            return before;
        }
    }

    private static IEnumerable<long> Count(long from, int count) => Enumerable.Range(0, count).Select(i => from + i);
}
