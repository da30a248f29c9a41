using Plumbline.Training;

namespace Plumbline.Plugins.LikelihoodOverOptimisation;

/// <summary>The shape of the loss of a pair's margin.</summary>
public enum AlignmentLoss
{
    /// <summary>DPO: -log σ(βD).</summary>
    Sigmoid,

    /// <summary>IPO: (D - 1/(2β))².</summary>
    Ipo,

    /// <summary>SLiC: max(0, 1 - βD).</summary>
    Hinge,
}

/// <summary>How the two alarms are joined.</summary>
public enum AlarmRule
{
    /// <summary>Either is enough.</summary>
    Any,

    /// <summary>Both are needed.</summary>
    All,
}

/// <summary>What an observer does when the monitor stops.</summary>
public enum StopAction
{
    /// <summary>Say so, and go on.</summary>
    Report,

    /// <summary>End the stage.</summary>
    Stop,

    /// <summary>End the stage with the weights of the last measurement before the alarms began.</summary>
    StopAndRestore,
}

/// <summary>Options of <c>likelihood-overopt</c>, the loss.</summary>
public sealed record LikelihoodOverOptimisationOptions
{
    /// <summary>The shape of the loss.</summary>
    public AlignmentLoss LossType { get; init; } = AlignmentLoss.Sigmoid;

    /// <summary>How strongly the policy is held to the reference.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Weight of the chosen answers' negative log-likelihood, a mean over tokens.</summary>
    [NonNegative]
    public double NllCoef { get; init; }
}

/// <summary>Options of the indicators.</summary>
public record IndicatorOptions
{
    /// <summary>Likeliest tokens that are looked at.</summary>
    [Positive]
    public int TopK { get; init; } = 10;

    /// <summary>Divide the top tokens' probabilities by their sum before the entropy; without it, lost mass alone lowers the entropy.</summary>
    public bool Renormalize { get; init; } = true;
}

/// <summary>Options of the monitor's rule.</summary>
public record MonitorOptions
{
    /// <summary>Measurements that are averaged; raise it where sampling noise reaches the thresholds.</summary>
    [Positive]
    public int Window { get; init; } = 1;

    /// <summary>Alarms in a row that stop.</summary>
    [Positive]
    public int Patience { get; init; } = 2;

    /// <summary>The share of its peak that the top-k entropy may lose.</summary>
    [Interval(0, 1)]
    public double EntropyDrop { get; init; } = 0.1;

    /// <summary>The share of its peak that the top-k mass may lose.</summary>
    [Interval(0, 1)]
    public double MassDrop { get; init; } = 0.05;

    /// <summary>How the two alarms are joined.</summary>
    public AlarmRule Rule { get; init; } = AlarmRule.Any;
}

/// <summary>Options of the diversity.</summary>
public sealed record DiversityOptions
{
    /// <summary>Tokens of an n-gram.</summary>
    [Positive]
    public int N { get; init; } = 2;
}
