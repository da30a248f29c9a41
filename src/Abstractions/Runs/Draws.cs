using System.Numerics;

namespace Plumbline;

/// <summary>Chance as a pure function of counters: each draw is named by its keys, never by how many draws came before.</summary>
/// <remarks>
/// A key (seed, stage, step, prompt, sample, token) always gives the same number, whatever the batch, the order or the resume.
/// The state is a 128-bit hash of the keys: two rounds of a 64-bit finaliser (Stafford's variant 13 of MurmurHash3) a key.
/// </remarks>
public readonly struct Draws : IEquatable<Draws>
{
    private readonly ulong _a;
    private readonly ulong _b;

    /// <summary>The source of a run.</summary>
    public Draws(long seed)
    {
        _a = Mix((ulong)seed ^ 0x9E3779B97F4A7C15);
        _b = Mix((ulong)seed + 0xD1B54A32D192ED03);
    }

    private Draws(ulong a, ulong b) => (_a, _b) = (a, b);

    /// <summary>The source one key further down.</summary>
    public Draws Key(long key)
    {
        var k = (ulong)key;
        var a = Mix(_a + (k * 0x9E3779B97F4A7C15) + 0x632BE59BD9B4E019);
        return new Draws(a, Mix(_b ^ k ^ BitOperations.RotateLeft(a, 29)));
    }

    /// <summary>The source one named key further down; names keep purposes apart.</summary>
    public Draws Key(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var hash = 0xCBF29CE484222325;
        foreach (var character in name)
        {
            hash = (hash ^ character) * 0x100000001B3;
        }

        return Key((long)hash);
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits() => Mix(_a ^ BitOperations.RotateLeft(_b, 17));

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform() => (Bits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Standard normal (Box and Muller).</summary>
    public double Normal()
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - Key(1).Uniform()));
        return radius * Math.Cos(2 * Math.PI * Key(2).Uniform());
    }

    /// <summary>Uniform integer in [0, <paramref name="below"/>).</summary>
    public int Below(int below)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(below);
        return (int)Math.BigMul(Bits(), (ulong)below, out _);
    }

    /// <summary>A seed for a library that wants one; 63 bits.</summary>
    public long Seed() => (long)(Bits() >> 1);

    /// <summary>A random order of 0 … <paramref name="count"/> - 1 (Fisher and Yates).</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            var j = Key(i).Below(i + 1);
            order[i] = order[j];
            order[j] = i;
        }

        return order;
    }

    /// <inheritdoc/>
    public bool Equals(Draws other) => _a == other._a && _b == other._b;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Draws other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _a.GetHashCode();

    /// <summary>Whether two sources give the same draws.</summary>
    public static bool operator ==(Draws left, Draws right) => left.Equals(right);

    /// <summary>Whether two sources differ.</summary>
    public static bool operator !=(Draws left, Draws right) => !left.Equals(right);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
