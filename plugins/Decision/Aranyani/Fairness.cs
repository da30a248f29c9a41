using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Aranyani;

/// <summary>What a forest remembers of the instances so far, for each tree and protected group: how many there were, the mean decision of every node, and the mean gradient of it.</summary>
/// <param name="Counts">[2] int64.</param>
/// <param name="Decisions">[K,2,M].</param>
/// <param name="WeightGradients">[K,2,D,M].</param>
/// <param name="BiasGradients">[K,2,M].</param>
public sealed record Aggregates(Tensor Counts, Tensor Decisions, Tensor WeightGradients, Tensor BiasGradients)
{
    /// <summary>With one more instance: each mean of its group moves towards the instance's value by 1/count.</summary>
    /// <param name="features">[D].</param>
    /// <param name="group">0 or 1.</param>
    /// <param name="decisions">[K,M] n.</param>
    public Aggregates With(Tensor features, long group, Tensor decisions)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(decisions);
        var one = zeros_like(Counts).index_fill(0, tensor(new[] { group }, device: Counts.device), 1);
        var counts = Counts + one;
        // r is 1/count for the instance's group and 0 for the other, whose means stay.
        var share = (one.to_type(decisions.dtype) / counts.clamp_min(1).to_type(decisions.dtype)).reshape(1, 2, 1);
        // dn/db = n (1 - n), dn/dW = n (1 - n) x.
        var bias = decisions - decisions.square();
        var weight = features.reshape(1, -1, 1) * bias.unsqueeze(1);
        return new Aggregates(counts, Moved(Decisions, decisions, share), Moved(WeightGradients, weight, share.unsqueeze(3)), Moved(BiasGradients, bias, share));
    }

    private static Tensor Moved(Tensor means, Tensor value, Tensor share) => means + ((value.unsqueeze(1) - means) * share);
}
