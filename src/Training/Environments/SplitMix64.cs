namespace Plumbline.Training.Environments;

/// <summary>The draws inside an environment: SplitMix64 on 64 bits, its state the seed. The same seed gives the same task everywhere.</summary>
/// <param name="seed">The first state.</param>
public sealed class SplitMix64(long seed)
{
    private ulong _state = unchecked((ulong)seed);

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        unchecked
        {
            _state += 0x9E3779B97F4A7C15;
            var z = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>The next 64 bits modulo <paramref name="count"/>.</summary>
    public int Pick(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return (int)(Next() % (ulong)count);
    }

    /// <summary>One of a list.</summary>
    public T Pick<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[Pick(items.Count)];
    }
}
