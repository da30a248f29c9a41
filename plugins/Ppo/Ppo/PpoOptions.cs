namespace Plumbline.Plugins.Ppo;

/// <summary>Options of <c>ppo</c>.</summary>
public sealed record PpoOptions
{
    /// <summary>How far the ratio may move from 1 before the clip stops it.</summary>
    [Positive]
    public double ClipRange { get; init; } = 0.2;

    /// <summary>How far a value may move from the one recorded while sampling; null: as far as it likes.</summary>
    [Positive]
    public double? ClipRangeValue { get; init; } = 0.2;

    /// <summary>Weight of the value loss.</summary>
    [NonNegative]
    public double VfCoef { get; init; } = 0.1;

    /// <summary>Weight of the entropy, which is subtracted from the loss.</summary>
    public double EntropyCoef { get; init; }

    /// <summary>A minibatch whose mean ratio is above this is skipped: its loss is multiplied by 0. Null: none is.</summary>
    [Positive]
    public double? RatioThreshold { get; init; }
}
