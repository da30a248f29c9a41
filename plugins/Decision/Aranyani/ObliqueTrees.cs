using static TorchSharp.torch;

namespace Plumbline.Plugins.Aranyani;

/// <summary>Soft oblique decision trees: at each inner node a sigmoid of a linear form is the probability of going left; a leaf is a softmax over classes.</summary>
/// <remarks>Of depth h a tree has M = 2^h - 1 inner nodes in heap order and L = 2^h leaves from left to right.</remarks>
public static class ObliqueTrees
{
    private const double LeastProbability = 1e-7;

    /// <summary>What trees make of instances: n [K,B,M], the leaves' probabilities [K,B,L], and the mean of the trees' predictions [B,C].</summary>
    /// <param name="features">[B,D].</param>
    /// <param name="weight">[K,D,M].</param>
    /// <param name="bias">[K,M].</param>
    /// <param name="theta">[K,L,C] the leaves' logits.</param>
    public static (Tensor Decisions, Tensor Leaves, Tensor Predictions) Forward(Tensor features, Tensor weight, Tensor bias, Tensor theta)
    {
        Require(features, weight, bias, theta);
        var decisions = (features.unsqueeze(0).expand(weight.shape[0], -1, -1).bmm(weight) + bias.unsqueeze(1)).sigmoid();
        var (rows, leaves) = (features.shape[0], ones([weight.shape[0], features.shape[0], 1], features.dtype, features.device));
        for (var width = 1L; width < theta.shape[1]; width *= 2)
        {
            // The nodes of one level stand side by side, from left to right as their parents' halves do.
            var left = leaves * decisions.narrow(2, width - 1, width);
            leaves = stack([left, leaves - left], 3).reshape(-1, rows, 2 * width);
        }

        return (decisions, leaves, leaves.bmm(theta.softmax(2)).mean([0]));
    }

    /// <summary>-log of the probability of the right class, at least 1e-7; the mean over the instances.</summary>
    /// <param name="predictions">[B,C].</param>
    /// <param name="targets">[B] int64.</param>
    public static Tensor Loss(Tensor predictions, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        if (targets.shape is not [var rows] || rows != predictions.shape[0])
        {
            throw new InvalidInputException($"the shape of 'targets' is [{string.Join(',', targets.shape)}], and there are {predictions.shape[0]} instances");
        }

        RequireBelow(targets, predictions.shape[1], "target");
        return -predictions.gather(1, targets.unsqueeze(1)).clamp_min(LeastProbability).log().mean();
    }

    /// <summary>Refuses whole numbers outside 0 to one below a bound.</summary>
    internal static void RequireBelow(Tensor numbers, long bound, string name)
    {
        if (numbers.numel() > 0 && (numbers.min().ToInt64() < 0 || numbers.max().ToInt64() >= bound))
        {
            throw new InvalidInputException($"every {name} must be in 0 to {bound - 1}; they reach from {numbers.min().ToInt64()} to {numbers.max().ToInt64()}");
        }
    }

    private static void Require(Tensor features, Tensor weight, Tensor bias, Tensor theta)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(bias);
        ArgumentNullException.ThrowIfNull(theta);
        if (weight.shape is not [var trees, var inputs, var nodes] || (nodes & (nodes + 1)) != 0 || nodes == 0
            || features.shape is not [_, var width] || width != inputs
            || bias.shape is not [var biases, var offsets] || biases != trees || offsets != nodes
            || theta.shape is not [var crowns, var leaves, _] || crowns != trees || leaves != nodes + 1)
        {
            throw new InvalidInputException(
                $"the shape of 'features' is [{Of(features)}], of 'weight' [{Of(weight)}], of 'bias' [{Of(bias)}], of 'theta' [{Of(theta)}]; they must be [B,D], [K,D,M], [K,M] and [K,M+1,C], where M + 1 is a power of two");
        }

        static string Of(Tensor tensor) => string.Join(',', tensor.shape);
    }
}
