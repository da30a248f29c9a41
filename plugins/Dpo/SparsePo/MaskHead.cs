using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SparsePo;

/// <summary>A learned mask: a score for each layer of hidden states, a layer norm that all layers share, and the mixture of the scores.</summary>
/// <param name="LayerWeights">[L,D].</param>
/// <param name="LayerBiases">[L].</param>
/// <param name="Mixer">[L].</param>
/// <param name="NormWeight">[D].</param>
/// <param name="NormBias">[D].</param>
internal sealed record MaskHead(Tensor LayerWeights, Tensor LayerBiases, Tensor Mixer, Tensor NormWeight, Tensor NormBias)
{
    /// <summary>A head with its first weights, registered in a module.</summary>
    /// <remarks>Scores begin as a linear layer's do; biases of 1 and positive shares of the mixture keep a mask from being born dead.</remarks>
    internal static MaskHead In(nn.Module module, string name, int layers, int width, Device device, ScalarType dtype, Draws draws)
    {
        using var scope = NewDisposeScope();
        var bound = 1 / Math.Sqrt(width);
        double[] weights = [.. Enumerable.Range(0, layers * width).Select(i => bound * ((2 * draws.Key(i).Uniform()) - 1))];
        var head = new MaskHead(
            Add("layer_weights", tensor(weights, [layers, width])), Add("layer_biases", ones([layers])), Add("mixer", full([layers], 0.5)), Add("norm_weight", ones([width])), Add("norm_bias", zeros([width])));
        scope.Detach(module.parameters());
        return head;

        Parameter Add(string part, Tensor start)
        {
            var parameter = new Parameter(start.to(dtype, device));
            module.register_parameter($"{name}_{part}", parameter);
            return parameter;
        }
    }

    /// <summary>m = ReLU(Σ_l mixer_l ReLU(w_l · LN(h_l) + b_l)), 0 where masked.</summary>
    /// <param name="hidden">[L,N,T,D]; constants.</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="epsilon">Of the layer norm.</param>
    /// <param name="dropout">What becomes of the scores [L,N,T] and of their mixture [N,T], by name; null: nothing.</param>
    /// <returns>[N,T].</returns>
    internal Tensor Mask(Tensor hidden, Tensor mask, double epsilon, Func<string, Tensor, Tensor>? dropout = null)
    {
        var normed = nn.functional.layer_norm(hidden.detach().to_type(NormWeight.dtype), [hidden.shape[^1]], NormWeight, NormBias, epsilon);
        var scores = Dropped("scores", ((normed * LayerWeights.unsqueeze(1).unsqueeze(1)).sum(-1) + LayerBiases.reshape(-1, 1, 1)).relu());
        return Dropped("mixed", (scores * Mixer.reshape(-1, 1, 1)).sum([0])).relu().to_type(mask.dtype) * mask;

        Tensor Dropped(string name, Tensor values) => dropout is null ? values : dropout(name, values);
    }
}
