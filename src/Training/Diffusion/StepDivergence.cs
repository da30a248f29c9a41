using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>How far two samplers' steps are apart.</summary>
public static class StepDivergence
{
    /// <summary>The divergence of two steps of equal deviation: the mean over elements of (μ - μ_ref)²/(2 c²).</summary>
    /// <param name="means">[N,...] or [N,S,...].</param>
    /// <param name="referenceMeans">The same shape; a constant.</param>
    /// <param name="scales">[N] or [N,S] c, above 0: the deviation, or the coefficient before the root of the time step.</param>
    /// <returns>[N] or [N,S].</returns>
    public static Tensor Of(Tensor means, Tensor referenceMeans, Tensor scales)
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
