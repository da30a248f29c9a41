namespace Plumbline.Training;

/// <summary>What every stage that trains watches for, with the thresholds; a null switches that one off.</summary>
public sealed record DiagnosticsOptions : IChecksItself
{
    /// <summary>Steps over which a sign must last before it is a finding.</summary>
    [Positive]
    public int Patience { get; init; } = 20;

    /// <summary>Diagnose <c>zero-gradient</c>: a gradient of exactly zero at every one of so many steps as patience says.</summary>
    public bool ZeroGradient { get; init; } = true;

    /// <summary>Warn <c>clip-fraction</c>: at least this share of the tokens is stopped by the clip.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double? ClipFraction { get; init; } = 0.9;

    /// <summary>Warn <c>entropy-collapse</c>: the policy's entropy is below this share of what it was over the first steps.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double? EntropyCollapse { get; init; } = 0.05;

    /// <summary>Warn <c>length-drift</c>: completions are longer or shorter than over the first steps by at least this factor.</summary>
    [Positive]
    public double? LengthDrift { get; init; } = 3.0;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (LengthDrift <= 1)
        {
            yield return $"length_drift must be > 1, was {LengthDrift}";
        }
    }
}
