namespace Plumbline.Plugins.RmEnsembles;

/// <summary>How the members' scores become one reward.</summary>
public enum EnsembleObjective
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Worst case: the lowest of them.</summary>
    Wco,

    /// <summary>Uncertainty-weighted: their mean less a multiple of their variance.</summary>
    Uwo,
}

/// <summary>What the squares are divided by.</summary>
public enum VarianceKind
{
    /// <summary>The number of members.</summary>
    Population,

    /// <summary>One less, and at least 1.</summary>
    Sample,
}

/// <summary>Options of the reward <c>rm-ensembles</c>.</summary>
public sealed record RmEnsemblesOptions
{
    /// <summary>How the members' scores become one reward.</summary>
    public EnsembleObjective Objective { get; init; } = EnsembleObjective.Uwo;

    /// <summary>What the variance is multiplied by (uwo): about 0.5 for best of n, 0.1 for PPO.</summary>
    [NonNegative]
    public double Coef { get; init; } = 0.5;

    /// <summary>What the variance's squares are divided by; <c>coef</c> is tuned for one of the two.</summary>
    public VarianceKind Variance { get; init; } = VarianceKind.Population;

    /// <summary>The role of the trained ensemble.</summary>
    public string Role { get; init; } = "reward";
}

/// <summary>Options of <c>rm-ensembles/flip_labels</c>.</summary>
public sealed record LabelNoiseOptions
{
    /// <summary>The share of pairs whose labels are wrong.</summary>
    [Interval(0, 1)]
    public double NoiseRate { get; init; } = 0.25;
}
