namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>How the losses of steps become one number.</summary>
public enum StepReduction
{
    /// <summary>The mean over all steps of the batch.</summary>
    Step,

    /// <summary>The mean over the steps of an answer, then over answers.</summary>
    Sequence,
}

/// <summary>What an answer's last step is credited with.</summary>
public enum TerminalValue
{
    /// <summary>Its outcome.</summary>
    Outcome,

    /// <summary>The critic's value of the finished answer.</summary>
    Critic,
}

/// <summary>Options of <c>direct-advantage</c>, the loss.</summary>
public sealed record DirectAdvantageOptions
{
    /// <summary>How strongly the policy is held to the reference; advantages are divided by it.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>How the losses of steps become one number.</summary>
    public StepReduction Reduction { get; init; } = StepReduction.Step;
}

/// <summary>Options of the advantages.</summary>
public record StepAdvantageOptions
{
    /// <summary>What an answer's last step is credited with.</summary>
    public TerminalValue Terminal { get; init; } = TerminalValue.Outcome;
}
