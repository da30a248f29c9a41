using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>One reverse step of a sampler: the distribution N(mean, std²) of the next state, independent over its elements.</summary>
/// <param name="Mean">[B,...]; carries the network's gradient.</param>
/// <param name="Std">[B]; 0 where the step is deterministic and has no density.</param>
public sealed record GaussianStep(Tensor Mean, Tensor Std)
{
    /// <summary>[B] the coefficient of the noise before the root of the time step, where the step has one; else <see cref="Std"/>.</summary>
    public Tensor Coefficient { get; init; } = Std;

    /// <summary>The next state: mean + std · noise.</summary>
    /// <param name="noise">[B,...] standard normal.</param>
    public Tensor Sample(Tensor noise) => Mean + (Along(Std, Mean) * noise);

    /// <summary>[B] to [B,1,...] beside a state.</summary>
    /// <param name="rows">[B].</param>
    /// <param name="like">[B,...].</param>
    public static Tensor Along(Tensor rows, Tensor like)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(like);
        return rows.reshape([rows.shape[0], .. Enumerable.Repeat(1L, (int)like.dim() - 1)]);
    }

    /// <summary>The divergence of two steps of equal deviation: the mean over elements of (μ - μ_ref)²/(2 c²).</summary>
    /// <param name="means">[N,...] or [N,S,...].</param>
    /// <param name="referenceMeans">The same shape; a constant.</param>
    /// <param name="scales">[N] or [N,S] c, above 0: the deviation, or the coefficient before the root of the time step.</param>
    /// <returns>[N] or [N,S].</returns>
    public static Tensor Divergence(Tensor means, Tensor referenceMeans, Tensor scales)
    {
        ArgumentNullException.ThrowIfNull(means);
        ArgumentNullException.ThrowIfNull(referenceMeans);
        ArgumentNullException.ThrowIfNull(scales);
        if (!means.shape.AsSpan().SequenceEqual(referenceMeans.shape) || means.dim() <= scales.dim() || !means.shape.AsSpan(0, (int)scales.dim()).SequenceEqual(scales.shape))
        {
            throw new InvalidInputException(
                $"the shape of 'means' is [{string.Join(',', means.shape)}], of 'reference_means' [{string.Join(',', referenceMeans.shape)}] and of 'stds' [{string.Join(',', scales.shape)}]; means must be alike, and have the shape of stds and more");
        }

        if (scales.le(0).any().ToBoolean())
        {
            throw new InvalidInputException("a number of 'stds' is not above 0: a step without noise has no divergence; leave it out");
        }

        long[] elements = [.. Enumerable.Range((int)scales.dim(), (int)(means.dim() - scales.dim())).Select(dimension => (long)dimension)];
        return (means - referenceMeans.detach()).square().mean(elements) / (2 * scales.square());
    }
}
