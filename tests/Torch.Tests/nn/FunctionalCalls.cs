using F = TorchSharp.torch.nn.functional;
using Reduction = TorchSharp.torch.nn.Reduction;

namespace Plumbline.Tests.nn;

/// <summary>Functions of networks, by their names in the table.</summary>
internal static class FunctionalCalls
{
    internal static readonly Dictionary<string, Func<Tensor[], Tensor[]>> All = new()
    {
        ["gelu"] = t => [F.gelu(t[0])],
        ["silu"] = t => [F.silu(t[0])],
        ["logsigmoid"] = t => [F.logsigmoid(t[0])],
        ["softplus"] = t => [F.softplus(t[0], 2, 3)],
        ["linear"] = t => [F.linear(t[0], t[1], t[2])],
        ["conv1d"] = t => [F.conv1d(t[0], t[1], t[2], stride: 2, padding: 1)],
        ["conv2d"] = t => [F.conv2d(t[0], t[1], t[2], padding: [1, 1])],
        ["conv2d in strides and groups"] = t => [F.conv2d(t[0], t[1], strides: [2, 2], padding: [2, 2], dilation: [2, 2], groups: 2)],
        ["layer_norm"] = t => [F.layer_norm(t[0], [3], t[1], t[2])],
        ["group_norm"] = t => [F.group_norm(t[0], 2, t[1], t[2])],
        ["normalize"] = t => [F.normalize(t[0])],
        ["one_hot"] = t => [F.one_hot(t[0], 4)],
        ["pad"] = t => [F.pad(t[0], [1, 2], value: 5)],
        ["pad by reflection"] = t => [F.pad(t[0], [1, 0, 2, 1], PaddingModes.Reflect)],
        ["pad by repetition"] = t => [F.pad(t[0], [1, 0, 2, 1], PaddingModes.Replicate)],
        ["avg_pool2d"] = t => [F.avg_pool2d(t[0], 2)],
        ["max_pool2d"] = t => [F.max_pool2d(t[0], 3, stride: 1, padding: 1)],
        ["upsample_nearest2d"] = t => [F.upsample_nearest2d(t[0], scaleFactors: [2, 2])],
        ["embedding"] = t => [Plumbline.Engine.FusedKernels.Embed(t[0], t[1])],
        ["cross_entropy"] = t => [F.cross_entropy(t[0], t[1])],
        ["cross_entropy with weights and smoothing"] = t => [F.cross_entropy(t[0], t[1], t[2], reduction: Reduction.None, label_smoothing: 0.1)],
        ["cross_entropy that ignores"] = t => [F.cross_entropy(t[0], t[1], ignore_index: 1, reduction: Reduction.Sum)],
        ["nll_loss"] = t => [F.nll_loss(t[0], t[1])],
        ["mse_loss"] = t => [F.mse_loss(t[0], t[1])],
        ["huber_loss"] = t => [F.huber_loss(t[0], t[1], 0.8, Reduction.None)],
        ["smooth_l1_loss"] = t => [F.smooth_l1_loss(t[0], t[1], Reduction.Sum, 0.5)],
        ["binary_cross_entropy"] = t => [F.binary_cross_entropy(t[0], t[1])],
        ["binary_cross_entropy_with_logits"] = t => [F.binary_cross_entropy_with_logits(t[0], t[1], pos_weights: t[2])],
        ["kl_div of logs"] = t => [F.kl_div(t[0], t[1], log_target: true, Reduction.Sum)],
        ["kl_div"] = t => [F.kl_div(t[0], t[1], log_target: false, Reduction.None)],
        ["attention"] = t => [F.scaled_dot_product_attention(t[0], t[0], t[0])],
        ["causal attention"] = t => [F.scaled_dot_product_attention(t[0], t[0], t[0], is_casual: true)],
    };
}
