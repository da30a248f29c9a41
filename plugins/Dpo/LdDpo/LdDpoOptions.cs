namespace Plumbline.Plugins.LdDpo;

/// <summary>Options of <c>ld-dpo</c>.</summary>
public sealed record LdDpoOptions
{
    /// <summary>Strength of the pull towards the reference; the scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Weight of an answer's tokens beyond the length of its pair's shorter answer: 1 is DPO, 0 cuts both answers to that length.</summary>
    [Interval(0, 1)]
    public double Alpha { get; init; } = 0.5;
}
