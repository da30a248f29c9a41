namespace Plumbline.Training.Diffusion;

/// <summary>Sampled trajectories as a graph: each state once, a step an edge between two states. One without forks is a chain; with forks they make a tree.</summary>
/// <remarks>
/// <para>
/// What is learnt from is laid out in <see cref="Rows"/>, R rows of up to W edges: a chain's row is a whole trajectory (R = N samples, W = S steps), a tree's
/// row is a single edge (R edges, W = 1), so that a shared prefix counts once. Every tensor of a <see cref="TransitionBatch"/> is [R,W] in this layout, and an
/// advantage part gives advantages [R] or [R,W]: one a sample, one a sample and step, or one an edge.
/// </para>
/// <para>Numbers of states, edges, groups and samples are places in the lists here.</para>
/// </remarks>
public sealed record Trajectories
{
    /// <summary>[M,...] the states.</summary>
    public required Tensor States { get; init; }

    /// <summary>[G] or [G,...] the groups' conditions; null: none.</summary>
    public Tensor? Conditions { get; init; }

    /// <summary>[E] the state each edge starts from.</summary>
    public required IReadOnlyList<int> Parents { get; init; }

    /// <summary>[E] the state each edge leads to.</summary>
    public required IReadOnlyList<int> Children { get; init; }

    /// <summary>[E] the step of each edge, from 0.</summary>
    public required IReadOnlyList<int> Steps { get; init; }

    /// <summary>[E] the group of each edge.</summary>
    public required IReadOnlyList<int> Groups { get; init; }

    /// <summary>[E] whether the edge has a density and is there to learn from.</summary>
    public required IReadOnlyList<bool> Trains { get; init; }

    /// <summary>[E] log-density under the weights that sampled, a constant; 0 where the edge has none.</summary>
    public required Tensor Logps { get; init; }

    /// <summary>[N,...] the final samples, to be scored.</summary>
    public required Tensor Samples { get; init; }

    /// <summary>[N] the group of each sample.</summary>
    public required IReadOnlyList<int> SampleGroups { get; init; }

    /// <summary>[N] the last state of each sample.</summary>
    public required IReadOnlyList<int> Leaves { get; init; }

    /// <summary>[R] edges in the order of their steps; all rows of a length W.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Rows { get; init; }

    /// <summary>States at which the network was run to sample these: what sampling costs.</summary>
    public required long Evaluations { get; init; }

    /// <summary>Further tensors [R] or [E], or plain numbers, that the advantage part is given beside the usual ones.</summary>
    public IReadOnlyDictionary<string, object> Further { get; init; } = new Dictionary<string, object>();
}
