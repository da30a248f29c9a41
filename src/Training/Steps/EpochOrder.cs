namespace Plumbline.Training;

/// <summary>Which rows come at which step: each epoch every row once, in an order keyed by the epoch, or in the data's own.</summary>
/// <remarks>A pure function of the draws, so a resumed run meets the same rows.</remarks>
public sealed class EpochOrder(int rows, Draws draws, bool shuffle = true)
{
    private readonly int _rows = rows > 0 ? rows : throw new ArgumentOutOfRangeException(nameof(rows), rows, "there is no order of no rows");
    private long _epoch = -1;
    private int[] _order = [];

    /// <summary>The rows of places <paramref name="start"/> … <paramref name="start"/> + <paramref name="count"/> - 1 of the endless sequence of epochs.</summary>
    public int[] Take(long start, int count)
    {
        var taken = new int[count];
        for (var i = 0; i < count; i++)
        {
            var epoch = (start + i) / _rows;
            if (epoch != _epoch)
            {
                _epoch = epoch;
                _order = shuffle ? draws.Key("epoch").Key(epoch).Permutation(_rows) : [.. Enumerable.Range(0, _rows)];
            }

            taken[i] = _order[(start + i) % _rows];
        }

        return taken;
    }
}
