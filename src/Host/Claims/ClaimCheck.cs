using System.Globalization;

namespace Plumbline.Host.Claims;

/// <summary>A number that is measured, and what it must be for the claim to hold.</summary>
internal sealed record ClaimCheck : IChecksItself
{
    private const string Mean = "mean";
    private const string EverySeed = "every-seed";

    /// <summary>What is checked, in words.</summary>
    public required string That { get; init; }

    /// <summary>An expression over what the arms' runs measured.</summary>
    public required string Value { get; init; }

    /// <summary>The least it may be.</summary>
    public double? AtLeast { get; init; }

    /// <summary>The most it may be.</summary>
    public double? AtMost { get; init; }

    /// <summary>It must be greater.</summary>
    public double? Above { get; init; }

    /// <summary>It must be smaller.</summary>
    public double? Below { get; init; }

    /// <summary>What must obey: the <c>mean</c> over the seeds, <c>every-seed</c>, or a number of them such as <c>4-of-5</c>.</summary>
    public string Over { get; init; } = Mean;

    /// <summary>How many of how many seeds must obey; null where it is their mean or all of them.</summary>
    internal (int Count, int Of)? Quorum => Over.Split("-of-") is [var count, var of]
        && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var k) && int.TryParse(of, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? (k, n) : null;

    /// <summary>The threshold in words, such as <c>at least 0.5</c>.</summary>
    internal string Threshold => string.Join(" and ", new (string Words, double? Bound)[] { ("at least", AtLeast), ("above", Above), ("at most", AtMost), ("below", Below) }
        .Where(rule => rule.Bound is not null).Select(rule => string.Create(CultureInfo.InvariantCulture, $"{rule.Words} {rule.Bound}")));

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (AtLeast is null && AtMost is null && Above is null && Below is null)
        {
            yield return "it has no threshold; give one of at_least, at_most, above, below";
        }

        if ((AtLeast is not null && Above is not null) || (AtMost is not null && Below is not null))
        {
            yield return "it has two thresholds of one side; give at_least or above, at_most or below";
        }

        if (Over is not (Mean or EverySeed) && Quorum is not { Count: > 0 })
        {
            yield return $"over must be {Mean}, {EverySeed} or a number of seeds such as 4-of-5, was '{Over}'";
        }
        else if (Quorum is { } quorum && quorum.Count > quorum.Of)
        {
            yield return $"over is '{Over}', more seeds than there are";
        }
    }

    /// <summary>Whether what was measured, a number a seed, is as claimed.</summary>
    internal bool Holds(IReadOnlyList<double> seeds)
    {
        if (Over == Mean)
        {
            return Obeys(seeds.Average());
        }

        // With another number of seeds than the claim's, the same share of them.
        var needed = Quorum is { } quorum ? (int)Math.Ceiling((double)quorum.Count * seeds.Count / quorum.Of) : seeds.Count;
        return seeds.Count(Obeys) >= needed;
    }

    private bool Obeys(double value) => !(value < AtLeast) && !(value <= Above) && !(value > AtMost) && !(value >= Below) && !double.IsNaN(value);
}
