namespace Plumbline.Training.Diffusion;

/// <summary>Policy and conditions to trajectories: states from noise to sample, step by step.</summary>
/// <remarks>
/// A sampler stores what it did and can say later how likely each step was under any weights, guided as it was while sampling. Whether trajectories
/// run side by side or share their beginnings in a tree is its own affair: see <see cref="Trajectories"/>.
/// </remarks>
[Kind(Kinds.Sampler)]
public interface ITrajectorySampler
{
    /// <summary>Samples a condition, where the caller does not say otherwise.</summary>
    int GroupSize { get; }

    /// <summary>Samples trajectories, without gradient. The draws of a sample depend on its key alone, not on the other rows.</summary>
    Trajectories Sample(IDiffusionModel model, TrajectoryRequest request, CancellationToken cancel = default);

    /// <summary>The distributions of stored steps under a model, and the density of where each led; with the model's gradient where gradients are on.</summary>
    /// <param name="model">Need not be the one that sampled.</param>
    /// <param name="trajectories">As <see cref="Sample"/> gave them.</param>
    /// <param name="edges">Which steps, by their number in <see cref="Trajectories.Steps"/>; each must have a density.</param>
    /// <exception cref="InvalidInputException">A step without noise; the message names the option that would give it some.</exception>
    TransitionDensities Densities(IDiffusionModel model, Trajectories trajectories, IReadOnlyList<int> edges);
}

/// <summary>Conditions to sample for, a group of samples each.</summary>
public sealed record TrajectoryRequest
{
    /// <summary>[G] int64 classes or [G,...] embeddings; null: the model runs without a condition.</summary>
    public Tensor? Conditions { get; init; }

    /// <summary>A source of chance for each group, keyed down to it; as many as there are groups.</summary>
    public required IReadOnlyList<Draws> Draws { get; init; }

    /// <summary>Samples a group; null: the sampler's <see cref="ITrajectorySampler.GroupSize"/>.</summary>
    public int? Count { get; init; }

    /// <summary>Every step goes to its mean with no noise: for evaluation. Nothing then has a density.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Where the groups' trajectories start, [G,...]; null: at noise of their own.</summary>
    public Tensor? Starts { get; init; }
}

/// <summary>What a sampler says of stored steps.</summary>
/// <param name="Logps">[E] log-density of where each step led, reduced over elements as the sampler's option says.</param>
/// <param name="Means">[E,...] the distributions' means.</param>
/// <param name="Scales">[E] what a divergence of means is measured in: the deviation, or the coefficient of the noise.</param>
public sealed record TransitionDensities(Tensor Logps, Tensor Means, Tensor Scales);
