namespace Plumbline.Training.Diffusion;

/// <summary>How much noise a stochastic step of a flow takes.</summary>
public enum FlowSdeKind
{
    /// <summary>noise_level · √(σ/(1-σ)): much near the noise, little near the sample (Flow-GRPO, arXiv 2505.05470).</summary>
    FlowGrpo,

    /// <summary>The same at every step, eta (DanceGRPO, arXiv 2505.07818).</summary>
    Dance,
}

/// <summary>Options of a stochastic step of a flow.</summary>
public record FlowSdeOptions
{
    /// <summary>How the noise depends on the step.</summary>
    public FlowSdeKind Kind { get; init; } = FlowSdeKind.FlowGrpo;

    /// <summary>Scale of the noise with kind flow_grpo; 0 is the Euler step.</summary>
    [NonNegative]
    public double NoiseLevel { get; init; } = 0.7;

    /// <summary>With kind flow_grpo the second entry of the grid of σ: at σ = 1 the coefficient divides by 1 less this. Needed only where a σ is 1.</summary>
    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double? FirstSigma { get; init; }

    /// <summary>The noise with kind dance; 0 is the Euler step.</summary>
    [NonNegative]
    public double Eta { get; init; } = 0.3;
}
