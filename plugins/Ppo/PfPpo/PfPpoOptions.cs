namespace Plumbline.Plugins.PfPpo;

/// <summary>Options of <c>pf-ppo</c>.</summary>
public sealed record PfPpoOptions
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

    /// <summary>Bring the advantages of the kept responses to mean 0 and variance 1 once more; without it they are as the whole batch made them.</summary>
    public bool WhitenKept { get; init; }
}

/// <summary>Which ranks of a prompt's responses, best first, are kept.</summary>
public enum RankFilter
{
    /// <summary>All alike.</summary>
    None,

    /// <summary>The best of n.</summary>
    Bon,

    /// <summary>The best, and a random other.</summary>
    Br,

    /// <summary>The best and the worst.</summary>
    Bw,

    /// <summary>As <c>weights</c> says.</summary>
    Custom,
}

/// <summary>How the weights of ranks are used.</summary>
public enum FilterMode
{
    /// <summary>Responses are drawn by their weights, with replacement.</summary>
    Select,

    /// <summary>Responses are weighted in the loss: what the draw does on average.</summary>
    Weights,
}

/// <summary>Options of <c>pf-ppo</c> as a filter.</summary>
public sealed record RankFilterOptions : IChecksItself
{
    /// <summary>Which ranks are kept.</summary>
    public RankFilter Filter { get; init; } = RankFilter.Bw;

    /// <summary>The weight of each rank, best first, for <c>custom</c>.</summary>
    [NonNegative]
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>How the weights of ranks are used.</summary>
    public FilterMode Mode { get; init; } = FilterMode.Select;

    /// <summary>Responses drawn of each prompt, where they are selected.</summary>
    [Positive]
    public int DrawsPerPrompt { get; init; } = 2;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Filter == RankFilter.Custom && !(Weights?.Sum() > 0))
        {
            yield return "weights is needed by filter custom: one number for each rank, not all 0";
        }
        else if (Filter != RankFilter.Custom && Weights is not null)
        {
            yield return "weights is read by filter custom only";
        }
    }
}

/// <summary>Options of <see cref="Reliability.RSquared"/>.</summary>
public sealed record ReliabilityOptions
{
    /// <summary>Parts of equal count into which responses of similar reward are averaged first; 0: none are.</summary>
    [NonNegative]
    public int Bins { get; init; }
}
