namespace Plumbline.Plugins.Mdpo;

/// <summary>How the step size goes over the iterations.</summary>
public enum StepSizeSchedule
{
    /// <summary>t_k = initial · (1 - k/K): the pull towards the previous policy grows.</summary>
    Linear,

    /// <summary>t_k = initial.</summary>
    Constant,
}

/// <summary>Options of <c>mdpo</c>.</summary>
public sealed record MdpoOptions
{
    /// <summary>The step size of the first iteration, one over the weight of the divergence; a controller may steer it, and then sets all of it.</summary>
    [Positive]
    public double StepSize { get; init; } = 1.0;

    /// <summary>How the step size goes on over the stage's steps.</summary>
    public StepSizeSchedule StepSizeSchedule { get; init; } = StepSizeSchedule.Linear;
}

/// <summary>Options of <see cref="Mdpo.StepSize"/>.</summary>
public sealed record StepSizeOptions
{
    /// <summary>How it goes over the iterations.</summary>
    public StepSizeSchedule Schedule { get; init; } = StepSizeSchedule.Linear;

    /// <summary>The step size of iteration 0.</summary>
    [Positive]
    public double Initial { get; init; } = 1.0;
}

/// <summary>Options of <see cref="Mdpo.Standardize"/>.</summary>
public record StandardizeOptions
{
    /// <summary>Added to the standard deviation that divides, so that equal advantages become 0.</summary>
    [Positive]
    public double Eps { get; init; } = 1e-8;
}

/// <summary>Options of <c>mdpo</c> as an advantage: generalised advantage estimation, then mean 0 and variance 1 over the batch.</summary>
public sealed record MdpoAdvantageOptions : StandardizeOptions
{
    /// <summary>Discount of the next value.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 0.99;

    /// <summary>Weight of longer estimates: 0 trusts the values, 1 the rewards.</summary>
    [Interval(0, 1)]
    public double Lam { get; init; } = 0.95;
}

/// <summary>Options of <see cref="OffPolicy.TsallisLog"/>.</summary>
public record TsallisOptions
{
    /// <summary>q of the logarithm; 1 is the plain one. Others underflow where actions have many dimensions.</summary>
    public double TsallisQ { get; init; } = 1.0;
}

/// <summary>Options of <see cref="OffPolicy.PolicyLoss"/>.</summary>
public sealed record OffPolicyOptions : TsallisOptions
{
    /// <summary>Weight of the divergence from the previous policy, one over the step size.</summary>
    [Positive]
    public double KlCoef { get; init; } = 1.0;

    /// <summary>Weight of the entropy; equal to kl_coef it makes the loss SAC's.</summary>
    [NonNegative]
    public double EntropyCoef { get; init; }

    /// <summary>Weight of the squares of the policy's outputs, where they are given.</summary>
    [NonNegative]
    public double OutputRegularization { get; init; } = 1e-3;
}

/// <summary>Options of <see cref="OffPolicy.ValueTargets"/>.</summary>
public sealed record ValueTargetOptions
{
    /// <summary>Weight of the entropy in the value.</summary>
    [NonNegative]
    public double EntropyCoef { get; init; }

    /// <summary>Discount of the next value.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 0.99;
}
