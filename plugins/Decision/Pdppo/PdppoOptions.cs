namespace Plumbline.Plugins.Pdppo;

/// <summary>How the two critics' errors make the value loss.</summary>
public enum CriticLoss
{
    /// <summary>The smaller of both values against the return, the authors' code; a sample trains one critic.</summary>
    Min,

    /// <summary>The greater of both values against the return.</summary>
    Max,

    /// <summary>Each against its own return.</summary>
    Separate,
}

/// <summary>Options of <c>pdppo</c>.</summary>
public sealed record PdppoOptions
{
    /// <summary>How far a component's ratio may move from 1 before the clip stops it.</summary>
    [Positive]
    public double ClipRange { get; init; } = 0.2;

    /// <summary>Weight of the value loss.</summary>
    [NonNegative]
    public double VfCoef { get; init; } = 0.5;

    /// <summary>Weight of the entropy, which is subtracted from the loss.</summary>
    public double EntropyCoef { get; init; } = 0.012;

    /// <summary>How the two critics' errors make the value loss.</summary>
    public CriticLoss Critic { get; init; } = CriticLoss.Min;
}

/// <summary>What the return of a decision is compared with.</summary>
public enum PostDecisionAdvantage
{
    /// <summary>The smaller of both critics' values: the authors' code.</summary>
    Min,

    /// <summary>The greater of both critics' values.</summary>
    Max,

    /// <summary>The value of the state before the decision: PPO with the returns as they came.</summary>
    State,

    /// <summary>The value of the state after the decision.</summary>
    Post,

    /// <summary>Not the return: what the decision earns for certain and the value after it, less the value before.</summary>
    PostDecision,

    /// <summary>A mixture of post_decision and state.</summary>
    Blend,
}

/// <summary>Options of <see cref="PostDecision.Returns"/>.</summary>
public record ReturnOptions
{
    /// <summary>Discount of the next reward.</summary>
    [Interval(0, 1)]
    public double Gamma { get; init; } = 0.99;

    /// <summary>Bring the returns to mean 0 and variance 1 over the batch.</summary>
    public bool Normalize { get; init; } = true;
}

/// <summary>Options of <c>pdppo</c> as an advantage.</summary>
public sealed record PostDecisionOptions : ReturnOptions
{
    /// <summary>What the return of a decision is compared with.</summary>
    public PostDecisionAdvantage Advantage { get; init; } = PostDecisionAdvantage.Min;

    /// <summary>Share of post_decision in the mixture.</summary>
    [Interval(0, 1)]
    public double Blend { get; init; } = 0.5;

    /// <summary>Bring the advantages to mean 0 and variance 1 over the batch.</summary>
    public bool Standardize { get; init; }
}

/// <summary>Options of <see cref="FrozenLake.Move"/>.</summary>
public sealed record FrozenLakeMoveOptions
{
    /// <summary>Probability of sliding one cell further.</summary>
    [Interval(0, 1)]
    public double Slip { get; init; } = 0.5;
}
