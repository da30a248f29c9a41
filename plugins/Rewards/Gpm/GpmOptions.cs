namespace Plumbline.Plugins.Gpm;

/// <summary>The loss of a pair's score.</summary>
public enum GpmLoss
{
    /// <summary>-log σ((s - margin)/τ).</summary>
    Logistic,

    /// <summary>(s/τ - target_margin)²/2.</summary>
    Regression,
}

/// <summary>Options of <c>gpm</c>.</summary>
public sealed record GpmOptions : IChecksItself
{
    /// <summary>Temperature: scores are divided by it.</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;

    /// <summary>Scale each embedding to length 1.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The loss of a pair's score.</summary>
    public GpmLoss LossType { get; init; } = GpmLoss.Logistic;

    /// <summary>What the regression loss wants s/τ to be.</summary>
    public double TargetMargin { get; init; } = 10;

    /// <summary>Numbers of an embedding, two a block; 4 to 8 in the paper.</summary>
    [Positive]
    public int Dimension { get; init; } = 6;

    /// <summary>Weigh the blocks by what a second head reads in the prompt; false: each counts 1.</summary>
    public bool Gate { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Dimension % 2 != 0)
        {
            yield return $"dimension must be even, for a block has two numbers, was {Dimension}";
        }
    }
}

/// <summary>Options of <c>bradley-terry</c>.</summary>
public sealed record BradleyTerryOptions
{
    /// <summary>Temperature: the difference of scores is divided by it.</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;
}

/// <summary>Options of <c>gpo</c>.</summary>
public sealed record GpoOptions
{
    /// <summary>How strongly the policy is held to the reference; scores are divided by it.</summary>
    [Positive]
    public double Beta { get; init; } = 0.001;

    /// <summary>Scores are bounded to this size; null leaves them (the published scripts: 1000).</summary>
    [Positive]
    public double? ScoreClamp { get; init; }
}

/// <summary>Options of the judge <c>gpm</c>.</summary>
public sealed record GpmJudgeOptions
{
    /// <summary>Temperature: scores are divided by it.</summary>
    [Positive]
    public double Tau { get; init; } = 0.1;

    /// <summary>Scale each embedding to length 1, as in training.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The role of the trained preference model.</summary>
    public string Role { get; init; } = "reward";
}
