namespace Plumbline.Plugins.Egpo;

/// <summary>The move on a table.</summary>
public enum EgpoStepKind
{
    /// <summary>Look ahead, then step from where it began.</summary>
    Extragradient,

    /// <summary>The step alone (online mirror descent).</summary>
    Mirror,
}

/// <summary>Options of <c>egpo</c>.</summary>
public sealed record EgpoOptions
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Divide an answer's log-ratio by its tokens, as the authors' code does; the theory has sums, and beta another meaning.</summary>
    public bool Normalize { get; init; } = true;
}

/// <summary>Options of the loss on a table.</summary>
public sealed record EgpoTabularOptions
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;
}

/// <summary>Options of the move on a table.</summary>
public sealed record EgpoStepOptions : IChecksItself
{
    /// <summary>Strength of the pull towards the reference.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.1;

    /// <summary>Size of the step.</summary>
    [Positive]
    public double Eta { get; init; } = 1;

    /// <summary>With or without looking ahead.</summary>
    public EgpoStepKind Kind { get; init; } = EgpoStepKind.Extragradient;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Eta * Beta > 1)
        {
            yield return $"eta times beta is the reference's weight and must be at most 1, was {Eta * Beta}";
        }
    }
}

/// <summary>Options of the duality gap.</summary>
public sealed record EgpoGapOptions
{
    /// <summary>Strength of the pull towards the reference; 0: the game without one.</summary>
    [NonNegative]
    public double Beta { get; init; } = 0.1;
}
