namespace Plumbline.Plugins.D3Po;

/// <summary>Options of <c>d3po</c>.</summary>
public sealed record D3PoOptions
{
    /// <summary>Scale of the implicit reward of a step.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>A step's ratio to the reference counts within 1 ± this; outside it the step learns nothing.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double Epsilon { get; init; } = 0.1;
}

/// <summary>Options of <see cref="Judgement.Preference"/>.</summary>
public sealed record PreferenceOptions
{
    /// <summary>Whether the larger reward is preferred.</summary>
    public bool HigherIsBetter { get; init; } = true;
}
