namespace Plumbline.Plugins.IpoMd;

/// <summary>Options of <c>ipo-md</c>.</summary>
public sealed record IpoMdOptions
{
    /// <summary>Strength of the pull towards the reference; the margin asked for is 1/(2 tau).</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;

    /// <summary>Divide an answer's log-ratio by its tokens; tau then means something else.</summary>
    public bool LengthNormalized { get; init; }
}

/// <summary>Options of <c>nash-md-pg</c>.</summary>
public sealed record NashMdPgOptions
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [NonNegative]
    public double Tau { get; init; } = 0.1;
}

/// <summary>Options of the exact gradients.</summary>
public sealed record ExpectedGradientsOptions
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;

    /// <summary>Weight of the reference in the mixture that answers come from.</summary>
    [Interval(0, 1)]
    public double Mixture { get; init; }
}

/// <summary>Options of the exact Nash-MD step.</summary>
public sealed record NashMdStepOptions : IChecksItself
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;

    /// <summary>Size of a step; the fixed point is off by as much.</summary>
    [Positive]
    public double Eta { get; init; } = 0.1;

    /// <summary>Steps.</summary>
    [NonNegative]
    public int Iterations { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Eta * Tau > 1)
        {
            yield return $"eta times tau is the mixture's weight and must be at most 1, was {Eta * Tau}";
        }
    }
}
