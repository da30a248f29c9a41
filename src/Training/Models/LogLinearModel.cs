using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>A log-linear policy over a finite set of answers, each one token: logits of prompt p are φ(p) θ.</summary>
/// <remarks>The prompt's one token is its number, the answer's token its place among the prompt's answers. One θ for all prompts, or one each.</remarks>
public class LogLinearModel : TokenFunctionModel
{
    private readonly Weights _weights;

    /// <summary>A policy with its first weights.</summary>
    /// <param name="tokenizer">Prompts and answers share its ids.</param>
    /// <param name="features">[P,A,D] φ of each answer of each prompt.</param>
    /// <param name="start">[D] θ, or [P,D] one for each prompt.</param>
    public LogLinearModel(ITokenizer tokenizer, Tensor features, Tensor start)
        : base(tokenizer, 2) => _weights = new Weights(features, start);

    /// <inheritdoc/>
    public override nn.Module Network => _weights;

    /// <summary>[P,A,D] the features.</summary>
    public Tensor Features => _weights.Features;

    /// <summary>[D] or [P,D] the weights; they train.</summary>
    public Tensor Theta => _weights.Theta;

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var prompts = tokens.select(1, 0);
        var features = _weights.Features.index_select(0, prompts);
        var theta = _weights.Theta.dim() == 1 ? _weights.Theta.unsqueeze(0).expand(tokens.shape[0], -1) : _weights.Theta.index_select(0, prompts);
        // One distribution: after the prompt. What would follow the answer is never asked for.
        return features.matmul(theta.unsqueeze(2)).transpose(1, 2).expand(-1, tokens.shape[1], -1);
    }

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new LogLinearModel(Tokenizer, _weights.Features, _weights.Theta.detach());

    private sealed class Weights : nn.Module
    {
        internal Weights(Tensor features, Tensor start)
            : base(nameof(Weights))
        {
            ArgumentNullException.ThrowIfNull(features);
            ArgumentNullException.ThrowIfNull(start);
            Features = features.detach().clone();
            register_buffer("features", Features);
            using var copy = start.detach().clone();
            Theta = new Parameter(copy);
            register_parameter("theta", Theta);
        }

        internal Tensor Features { get; }

        internal Parameter Theta { get; }
    }
}
