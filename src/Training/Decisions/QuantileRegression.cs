using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Quantile regression: numbers that become the midpoint quantiles of their targets' distribution (arXiv 1710.10044).</summary>
public static class QuantileRegression
{
    /// <summary>The loss: Σ over predictions i of the mean over targets j of |τ_i - 1[d &lt; 0]| h(d), d = target_j - prediction_i, τ_i = (i+½)/M; the mean over the rows.</summary>
    /// <param name="predictions">[N,M]; carries the gradient.</param>
    /// <param name="targets">[N,K]; no gradient flows into them.</param>
    /// <param name="kappa">Where the Huber function h becomes linear: d²/2κ up to it, then |d| - κ/2; 0 is |d| everywhere.</param>
    /// <returns>[].</returns>
    /// <exception cref="InvalidInputException">The shapes don't fit, or kappa is negative.</exception>
    public static Tensor Loss(Tensor predictions, Tensor targets, double kappa)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        if (predictions.dim() != 2 || targets.dim() != 2 || predictions.shape[0] != targets.shape[0])
        {
            throw new InvalidInputException($"the shape of 'predictions' is [{string.Join(',', predictions.shape)}] and that of 'targets' is [{string.Join(',', targets.shape)}]; they must be [N,M] and [N,K]");
        }

        if (!(kappa >= 0))
        {
            throw new InvalidInputException($"kappa must be >= 0, was {kappa}");
        }

        var count = predictions.shape[1];
        // [N,M,K]
        var difference = targets.detach().unsqueeze(1) - predictions.unsqueeze(2);
        var levels = ((arange(count, predictions.dtype, predictions.device) + 0.5) / count).reshape(1, count, 1);
        var weights = (levels - difference.detach().lt(0).to_type(predictions.dtype)).abs();
        var size = difference.abs();
        var huber = kappa == 0 ? size : where(size.le(kappa), difference.square() / (2 * kappa), size - (kappa / 2));
        return (weights * huber).mean([2]).sum(1).mean();
    }

    /// <summary>The particles of one action a row.</summary>
    /// <param name="particles">[N,A,M].</param>
    /// <param name="actions">[N] int64.</param>
    /// <returns>[N,M].</returns>
    public static Tensor OfActions(Tensor particles, Tensor actions)
    {
        ArgumentNullException.ThrowIfNull(particles);
        ArgumentNullException.ThrowIfNull(actions);
        return particles.gather(1, actions.reshape(-1, 1, 1).expand(-1, 1, particles.shape[2])).squeeze(1);
    }
}
