namespace Plumbline.Tests;

public sealed record LengthRewardOptions
{
    [Positive]
    public int Longest { get; init; } = 8;

    public double Scale { get; init; } = 1.0;
}

[Reward("length")]
public sealed class LengthReward(LengthRewardOptions options) : RowReward
{
    public override double Score(Rollout rollout) => options.Scale * Math.Min(rollout.Completion.Length, options.Longest);
}

[Reward("constant")]
public sealed class ConstantReward : RowReward
{
    public override double Score(Rollout rollout) => 1;
}

public sealed record DrawnSamplerOptions
{
    [Positive]
    public int GroupSize { get; init; } = 8;

    [NonNegative]
    public double Temperature { get; init; } = 1.0;
}

[Sampler("drawn")]
public sealed class DrawnSampler(DrawnSamplerOptions options) : ISampler
{
    public int GroupSize => options.GroupSize;

    public double Temperature => options.Temperature;

    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) => [];
}

public sealed record BeamOptions
{
    [Positive]
    public int Beams { get; init; } = 4;
}

[Sampler("beam")]
public sealed class Beam(BeamOptions options) : ISampler
{
    public int GroupSize => options.Beams;

    public double Temperature => 1;

    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default) => [];
}

public sealed record HingeOptions : IChecksItself
{
    [Positive]
    public double Beta { get; init; } = 2.0;

    [NonNegative]
    public double Margin { get; init; } = 0.5;

    public IEnumerable<string> Check()
    {
        if (Margin > Beta)
        {
            yield return $"margin must not exceed beta; {Margin} does";
        }
    }
}

[Algorithm("hinge", "walk")]
[Default("learning_rate", 1e-6)]
[Default("sampler.temperature", 0.7)]
public sealed class Hinge(HingeOptions options) : PairObjective
{
    public double Beta => options.Beta;

    public override Loss Compute(PairBatch batch) => new(batch.PolicyChosenLogps.sum() * options.Beta);
}

[Objective("plain")]
public sealed class Plain : PairObjective
{
    public override Loss Compute(PairBatch batch) => new(batch.PolicyChosenLogps.sum());
}

[Objective("grouped")]
public sealed class Grouped : GroupObjective
{
    public override Loss Compute(GroupBatch batch) => new(batch.Logps.sum());
}

public enum Direction
{
    Forward,
    RoundAbout,
}

public sealed record WalkOptions : StageOptions
{
    public required Part<PairObjective> Objective { get; init; }

    public required Part<ISampler> Sampler { get; init; }

    public IReadOnlyList<Part<IReward>> Rewards { get; init; } = [];

    [NonNegative]
    public int Steps { get; init; } = 10;

    [Positive]
    public double LearningRate { get; init; } = 3e-4;

    public Direction Direction { get; init; } = Direction.Forward;
}

[Loop("walk")]
[Default("sampler", "drawn")]
[Default("sampler.temperature", 0.9)]
[Default("sampler.group_size", 2)]
public sealed class Walk(WalkOptions options) : ILoop
{
    public WalkOptions Options => options;

    public void Run(CancellationToken cancel)
    {
    }
}

public sealed record ValuesOptions
{
    public int Whole { get; init; } = 1;

    public long Big { get; init; } = 2;

    public double Real { get; init; } = 0.5;

    public float Single { get; init; } = 0.25f;

    public bool Flag { get; init; }

    public string Text { get; init; } = "text";

    public string? Maybe { get; init; }

    [Interval(0, 1, AboveFrom = true, BelowTo = true)]
    public double? Share { get; init; }

    public Direction Direction { get; init; }

    public IReadOnlyList<int> Sizes { get; init; } = [1, 2];

    [Positive]
    public double[] Weights { get; init; } = [];

    public LengthRewardOptions Inner { get; init; } = new();

    public Part<IReward>? Reward { get; init; }

    public IReadOnlyList<Part<IReward>> Rewards { get; init; } = [];
}
