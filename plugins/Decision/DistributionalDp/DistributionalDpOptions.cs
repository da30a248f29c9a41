namespace Plumbline.Plugins.DistributionalDp;

/// <summary>What is made of the return distribution: E f(c + G), where c is the stock and G the return to go.</summary>
/// <remarks>Each f scales: f(γx) = γᵏ f(x) up to a positive factor, so that the order of actions at a state with its stock is the order at the start.</remarks>
public enum ReturnUtility
{
    /// <summary>f(x) = x: the expected return; the stock plays no part.</summary>
    Mean,

    /// <summary>f(x) = min(x, 0): the conditional value at risk, where the first stock is chosen for it.</summary>
    Cvar,

    /// <summary>f(x) = -|x|: a return near a target g; the first stock is -g.</summary>
    Target,

    /// <summary>f(x) = -x²: the same with squares.</summary>
    Quadratic,

    /// <summary>f(x) = 1 where x is at least 0: the probability of a return of at least g; the first stock is -g.</summary>
    Threshold,
}

/// <summary>Options of the greedy rule.</summary>
public record UtilityOptions
{
    /// <summary>What is made of the return distribution.</summary>
    public ReturnUtility Utility { get; init; } = ReturnUtility.Cvar;
}

/// <summary>Options of the stock's update.</summary>
public sealed record StockOptions
{
    /// <summary>The discount.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Gamma { get; init; } = 0.997;
}

/// <summary>Options of plans and of targets.</summary>
public record ReturnOptions : UtilityOptions
{
    /// <summary>The discount.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Gamma { get; init; } = 0.997;
}

/// <summary>Options of <c>distributional-dp</c>.</summary>
public sealed record DistributionalDpOptions : ReturnOptions
{
    /// <summary>Where the quantile loss becomes linear; 0: it is everywhere.</summary>
    [NonNegative]
    public double Kappa { get; init; } = 1.0;
}

/// <summary>Options of <c>distributional-dp/quantile_loss</c>.</summary>
public sealed record QuantileLossOptions
{
    /// <summary>Where the loss becomes linear; 0: it is everywhere.</summary>
    [NonNegative]
    public double Kappa { get; init; } = 1.0;
}

/// <summary>Options of the conditional value at risk.</summary>
public sealed record TailOptions
{
    /// <summary>The share of the worst returns that counts.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Tau { get; init; } = 0.1;
}
