using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SubsetSelection;

/// <summary>Rankings of the same items by several voters.</summary>
public sealed class Rankings
{
    private readonly int[][] _positions;

    /// <summary>Rankings from rows of item ids, the best first.</summary>
    /// <exception cref="InvalidInputException">There is none, or a row is no permutation of the ids from 0 (<c>rankings</c>).</exception>
    public Rankings(IReadOnlyList<int[]> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0 || rows[0].Length == 0)
        {
            throw new InvalidInputException("the 'rankings' have no row or no item");
        }

        Items = rows[0].Length;
        _positions = [.. rows.Select((row, voter) =>
        {
            var positions = new int[Items];
            Array.Fill(positions, -1);
            for (var place = 0; place < row.Length; place++)
            {
                if (row.Length != Items || row[place] < 0 || row[place] >= Items || positions[row[place]] >= 0)
                {
                    throw new InvalidInputException($"row {voter} of 'rankings' is no permutation of 0 to {Items - 1}: it is {string.Join(", ", row)}");
                }

                positions[row[place]] = place;
            }

            return positions;
        })];
    }

    /// <summary>n.</summary>
    public int Items { get; }

    /// <summary>m.</summary>
    public int Voters => _positions.Length;

    /// <summary>For each voter the place of every item, from 0.</summary>
    public IReadOnlyList<int[]> Positions => _positions;

    /// <summary>Rankings from a tensor.</summary>
    /// <param name="rankings">[m,n] int64.</param>
    public static Rankings Of(Tensor rankings)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        if (rankings.dim() != 2)
        {
            throw new InvalidInputException($"the shape of 'rankings' is [{string.Join(',', rankings.shape)}]; it must be [m,n]");
        }

        int[] ids = [.. rankings.to_type(ScalarType.Int64).cpu().contiguous().data<long>().Select(id => (int)id)];
        return new([.. ids.Chunk(Math.Max(1, (int)rankings.shape[1]))]);
    }

    /// <summary>A voter's ranking by values: the highest first, of equal ones the lower id.</summary>
    public static int[] ByValue(IReadOnlyList<double> values) => [.. Enumerable.Range(0, values.Count).OrderByDescending(i => values[i])];
}
