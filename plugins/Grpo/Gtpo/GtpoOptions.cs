namespace Plumbline.Plugins.Gtpo;

/// <summary>Options of <c>gtpo</c>.</summary>
public sealed record GtpoOptions : IChecksItself
{
    /// <summary>What multiplies a conflict token of a completion above its group's mean; at least 1. One in an opening and in an ending at once is multiplied twice.</summary>
    public double ConflictWeight { get; init; } = 2.0;

    /// <summary>A completion whose mean entropy is above this is left out; nats. Default: log 2 (the released configuration: 0.7).</summary>
    [Positive]
    public double EntropyThreshold { get; init; } = 0.69314718055994531;

    /// <summary>What a nat of a completion's mean entropy takes from its advantage.</summary>
    [NonNegative]
    public double EntropyScale { get; init; } = 0.1;

    /// <summary>Mean entropy of a token before training, nats; where it is above entropy_threshold nothing is left out. Null: unknown, and completions are left out.</summary>
    [NonNegative]
    public double? InitialEntropy { get; init; }

    /// <summary>Take initial_entropy from the completions of the stage's first update, which come from the policy before it trains.</summary>
    public bool MeasureInitialEntropy { get; init; }

    /// <summary>Divide a completion's term by the number of its conflict tokens too, as the released code does.</summary>
    public bool DivideByConflicts { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (!(ConflictWeight >= 1) || !double.IsFinite(ConflictWeight))
        {
            yield return $"conflict_weight must be >= 1, was {ConflictWeight}";
        }

        if (MeasureInitialEntropy && InitialEntropy is not null)
        {
            yield return "initial_entropy is given, and measure_initial_entropy would measure it; take one of them out";
        }
    }
}
