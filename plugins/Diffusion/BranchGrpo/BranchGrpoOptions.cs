namespace Plumbline.Plugins.BranchGrpo;

/// <summary>Options of <c>branch-grpo</c>.</summary>
public record BranchGrpoOptions
{
    /// <summary>How far an edge's ratio may move from 1 before the clip stops it; densities are means over elements, so ratios stay near 1.</summary>
    [NonNegative]
    public double ClipRange { get; init; } = 1e-3;

    /// <summary>Advantages are kept within this of 0.</summary>
    [Positive]
    public double AdvClipMax { get; init; } = 5;
}

/// <summary>Where a tree splits.</summary>
public record SplitOptions : IChecksItself
{
    /// <summary>Steps from noise to sample.</summary>
    [Positive]
    public required int SamplingSteps { get; init; }

    /// <summary>The steps at which every node gets several children; null: <c>split_rounds</c> of them, evenly apart.</summary>
    public IReadOnlyList<int>? SplitPoints { get; init; }

    /// <summary>How many splits where <c>split_points</c> is null, at 0, S div rounds, 2 (S div rounds) and so on; null: 4.</summary>
    [Positive]
    public int? SplitRounds { get; init; }

    internal int Rounds => SplitRounds ?? 4;

    /// <inheritdoc/>
    public virtual IEnumerable<string> Check()
    {
        if (SplitPoints is not null && SplitRounds is not null)
        {
            yield return "split_rounds is read only where split_points is null, and both are set; set split_points to null";
        }
        else if (SplitPoints is null && Rounds > SamplingSteps)
        {
            yield return $"split_rounds must be at most sampling_steps, which is {SamplingSteps}, was {Rounds}; nothing can split more often than there are steps";
        }
    }
}

/// <summary>The shape of a tree.</summary>
public record TreeOptions : SplitOptions
{
    /// <summary>Children of a node at a split.</summary>
    [Interval(2, 1024)]
    public int Branching { get; init; } = 2;
}

/// <summary>Which steps are drawn from a density, and which follow the flow.</summary>
public sealed record MixOptions : SplitOptions
{
    /// <summary>Steps i with i mod slide_interval below this are stochastic; split steps always are.</summary>
    [NonNegative]
    public int WindowSize { get; init; } = 4;

    /// <summary>The period of the windows.</summary>
    [Positive]
    public int SlideInterval { get; init; } = 1;
}

/// <summary>How the children of a split get their noise.</summary>
public enum SplitNoise
{
    /// <summary>(z_0 + s n)/√(1+s²), z_0 shared and n a child's own: the larger s, the less alike they are; each is standard normal.</summary>
    Correlated,

    /// <summary>s n: for s other than 1 the children are not drawn from the density that scores them.</summary>
    Scaled,
}

/// <summary>The noise of a split.</summary>
public sealed record SplitNoiseOptions
{
    /// <summary>How the children of a split get their noise.</summary>
    public SplitNoise SplitNoise { get; init; } = SplitNoise.Correlated;

    /// <summary>s, the weight of a child's own noise.</summary>
    [NonNegative]
    public double SplitNoiseScale { get; init; } = 4.0;
}

/// <summary>How a node's reward is made of those below it.</summary>
public enum Fusion
{
    /// <summary>The mean of the leaves below it.</summary>
    Mean,

    /// <summary>Its children's rewards, weighted by the softmax of their edges' log-densities.</summary>
    PathProbability,
}

/// <summary>How rewards of leaves become rewards of nodes.</summary>
public record FusionOptions
{
    /// <summary>How a node's reward is made of those below it.</summary>
    public Fusion Fusion { get; init; } = Fusion.Mean;

    /// <summary>What the log-densities are multiplied by before the softmax of <c>path_probability</c>.</summary>
    [NonNegative]
    public double Temperature { get; init; } = 1;
}

/// <summary>Which edges are left out of the backward pass.</summary>
public record PruningOptions : IChecksItself
{
    /// <summary>Depths whose nodes' edges are left out; null: none.</summary>
    public IReadOnlyList<int>? DepthWindow { get; init; }

    /// <summary>Move the window one depth up the tree, towards the noise, every <c>slide_interval</c> training steps.</summary>
    public bool Slide { get; init; }

    /// <summary>Training steps between two moves of the window.</summary>
    [Positive]
    public int SlideInterval { get; init; } = 1;

    /// <summary>The depth at which the window's first one stops; null: the last split.</summary>
    [NonNegative]
    public int? StopDepth { get; init; }

    /// <summary>Below the last split keep 0: all edges, 1: those of largest advantage in each branch, 2: those of largest and of smallest advantage.</summary>
    [Interval(0, 2)]
    public int WidthMode { get; init; }

    /// <summary>The share of the edges below the last split that <c>width_mode</c> 1 and 2 keep.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double WidthRatio { get; init; } = 0.5;

    /// <inheritdoc/>
    public virtual IEnumerable<string> Check()
    {
        if (DepthWindow is { } window && (window.Count == 0 || window.Any(depth => depth < 1)))
        {
            yield return "depth_window must name depths from 1 on, at least one; the root, at depth 0, is no edge's child";
        }

        if (Slide && DepthWindow is null)
        {
            yield return "slide moves depth_window, which is not set";
        }
    }
}

/// <summary>Pruning at one training step.</summary>
public sealed record PruneOptions : PruningOptions
{
    /// <summary>Updates so far.</summary>
    [NonNegative]
    public int TrainingStep { get; init; }

    /// <summary>The last step at which the tree splits.</summary>
    [NonNegative]
    public int? LastSplitStep { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> Check()
    {
        foreach (var broken in base.Check())
        {
            yield return broken;
        }

        if (LastSplitStep is null && (WidthMode != 0 || (Slide && StopDepth is null)))
        {
            yield return WidthMode != 0 ? "width_mode needs last_split_step: only edges below the last split are pruned" : "slide needs stop_depth or last_split_step: nothing else says where the window stops";
        }
    }
}
