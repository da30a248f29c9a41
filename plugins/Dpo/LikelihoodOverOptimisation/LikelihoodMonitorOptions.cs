using Plumbline.Training;

namespace Plumbline.Plugins.LikelihoodOverOptimisation;

/// <summary>Options of the observer <c>likelihood-overopt</c>.</summary>
public sealed record LikelihoodMonitorOptions : MonitorOptions
{
    /// <summary>The fixed prompts; rows with chosen and rejected are also scored as they are.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>Which part of the data.</summary>
    public Split Split { get; init; } = Split.HeldOut;

    /// <summary>At most so many of its rows, the first ones.</summary>
    [Positive]
    public int PromptsForMonitor { get; init; } = 16;

    /// <summary>Answers sampled for each.</summary>
    [Positive]
    public int SamplesPerPrompt { get; init; } = 4;

    /// <summary>What samples them; its temperature stays the same for the whole run.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>What scores the samples, where something can; its mean is told, and decides nothing.</summary>
    public Part<IReward>? Reward { get; init; }

    /// <summary>Steps between measurements; the first is before the first step.</summary>
    [Positive]
    public int EvaluateEvery { get; init; } = 25;

    /// <summary>What happens when the monitor stops.</summary>
    public StopAction Action { get; init; } = StopAction.Report;

    /// <summary>Likeliest tokens that are looked at.</summary>
    [Positive]
    public int TopK { get; init; } = 10;

    /// <summary>Divide the top tokens' probabilities by their sum before the entropy; without it, lost mass alone lowers the entropy.</summary>
    public bool Renormalize { get; init; } = true;

    /// <summary>Tokens of an n-gram of the diversity.</summary>
    [Positive]
    public int N { get; init; } = 2;
}
