using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>How alike two groups are treated.</summary>
public static class GroupParity
{
    /// <summary>Demographic parity: P(class 1 | group 1) - P(class 1 | group 0); 0 where a group is absent.</summary>
    /// <param name="classes">Predicted, a row each.</param>
    /// <param name="groups">0 or 1 each.</param>
    /// <exception cref="InvalidInputException">There are not as many of both (<c>shape</c>), or a group is neither 0 nor 1 (<c>groups</c>).</exception>
    public static double Signed(ReadOnlySpan<long> classes, ReadOnlySpan<long> groups)
    {
        if (classes.Length != groups.Length)
        {
            throw new InvalidInputException($"the shape of 'groups' is [{groups.Length}], and that of 'predictions' [{classes.Length}]");
        }

        Span<long> rows = stackalloc long[2];
        Span<long> ones = stackalloc long[2];
        for (var row = 0; row < classes.Length; row++)
        {
            Require(groups[row]);
            rows[(int)groups[row]]++;
            ones[(int)groups[row]] += classes[row] == 1 ? 1 : 0;
        }

        return rows[0] == 0 || rows[1] == 0 ? 0 : ((double)ones[1] / rows[1]) - ((double)ones[0] / rows[0]);
    }

    /// <summary>Refuses a group that is neither 0 nor 1.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>groups</c>.</exception>
    public static void Require(long group)
    {
        if (group is not (0 or 1))
        {
            throw new InvalidInputException($"the 'groups' must be 0 or 1; one is {group}");
        }
    }
}
