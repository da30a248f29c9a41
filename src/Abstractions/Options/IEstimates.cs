namespace Plumbline;

/// <summary>For options records that can tell beforehand what their part will cost; <c>plumb run --dry-run</c> adds them up.</summary>
public interface IEstimates
{
    /// <summary>The cost, worked out without making a tensor.</summary>
    Cost Estimate(IServiceProvider services);
}

/// <summary>What a part will cost. A part fills in what it knows; zero means nothing of the kind.</summary>
public sealed record Cost
{
    /// <summary>Numbers that train.</summary>
    public long Parameters { get; init; }

    /// <summary>Numbers kept a token for the backward pass.</summary>
    public long ActivationsPerToken { get; init; }

    /// <summary>Longest sequence, in tokens.</summary>
    public int ContextLength { get; init; }

    /// <summary>Optimiser steps.</summary>
    public long Steps { get; init; }

    /// <summary>Sequences a step that go forward and backward.</summary>
    public long TrainedSequences { get; init; }

    /// <summary>Sequences a step that are sampled.</summary>
    public long SampledSequences { get; init; }

    /// <summary>Frozen copies of the policy beside it.</summary>
    public int FrozenCopies { get; init; }
}
