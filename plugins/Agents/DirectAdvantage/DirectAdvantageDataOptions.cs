namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>Options of the transform <c>direct-advantage</c>.</summary>
public sealed record DirectAdvantageDataOptions : StepAdvantageOptions, IStepSampling, IChecksItself
{
    /// <inheritdoc/>
    public required Part<IReward> Reward { get; init; }

    /// <inheritdoc/>
    public required Part<ISampler> Sampler { get; init; }

    /// <inheritdoc/>
    [Positive]
    public int Answers { get; init; } = 8;

    /// <inheritdoc/>
    [Positive]
    public int Completions { get; init; } = 32;

    /// <inheritdoc/>
    public string? Separator { get; init; } = "\n";

    /// <summary>The role of a critic that stage <c>direct-advantage-critic</c> has trained; null: the value of each step's start is the mean outcome of its own completions.</summary>
    public string? Critic { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Terminal == TerminalValue.Critic && Critic is null)
        {
            yield return "terminal is critic, and there is no critic: name its role";
        }

        if (Separator?.Length == 0)
        {
            yield return "separator must not be empty; null makes each token a step";
        }
    }
}

/// <summary>Options of the transform <c>direct-advantage-states</c>.</summary>
public sealed record DirectAdvantageStatesOptions : IStepSampling
{
    /// <inheritdoc/>
    public required Part<IReward> Reward { get; init; }

    /// <inheritdoc/>
    public required Part<ISampler> Sampler { get; init; }

    /// <inheritdoc/>
    [Positive]
    public int Answers { get; init; } = 8;

    /// <inheritdoc/>
    [Positive]
    public int Completions { get; init; } = 32;

    /// <inheritdoc/>
    public string? Separator { get; init; } = "\n";
}

/// <summary>How answers in steps are sampled, and the starts of their steps completed.</summary>
public interface IStepSampling
{
    /// <summary>What says whether an answer is right: 1, or 0; anything between counts as partly.</summary>
    Part<IReward> Reward { get; }

    /// <summary>What samples.</summary>
    Part<ISampler> Sampler { get; }

    /// <summary>Answers a prompt.</summary>
    int Answers { get; }

    /// <summary>Completions of each step's start; with few of them the values are too noisy to help.</summary>
    int Completions { get; }

    /// <summary>What ends a step; null: each token is a step.</summary>
    string? Separator { get; }
}
