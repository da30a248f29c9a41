using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>What a forward pass tells about sequences. Rows are right-padded to the longest answer.</summary>
public sealed record ScoredSequences
{
    /// <summary>[N,T] log-probabilities of the answers' tokens, nats; 0 where masked.</summary>
    public required Tensor Logps { get; init; }

    /// <summary>[N,T] 1 at answer tokens, else 0.</summary>
    public required Tensor Mask { get; init; }

    /// <summary>[N,T] int64 the answers' tokens; 0 where masked.</summary>
    public required Tensor Tokens { get; init; }

    /// <summary>[N,T] entropies of the next-token distributions, nats; null unless asked for.</summary>
    public Tensor? Entropies { get; init; }

    /// <summary>[N,T,V] next-token logits, 0 where masked; null unless asked for.</summary>
    public Tensor? Logits { get; init; }

    /// <summary>[N,T] the critic's value of the state before each token; null without a critic.</summary>
    public Tensor? Values { get; init; }
}

/// <summary>The one provider of log-probabilities between model and objective.</summary>
/// <remarks>
/// Hidden states are gathered at the answers' positions before the head runs, so that logits of prompts and padding are never
/// made. Logits are divided by the temperature, as the sampler's were.
/// </remarks>
public sealed class SequenceScorer(ICausalModel model, double temperature = 1.0)
{
    /// <summary>Scores sequences by one forward pass.</summary>
    /// <param name="sequences">N prompts with their answers.</param>
    /// <param name="needs">Of these <see cref="Needs.Entropies"/> and <see cref="Needs.Logits"/> are looked at.</param>
    /// <param name="critic">Reads hidden states [M,Width] into values [M]; null for none.</param>
    public ScoredSequences Score(IReadOnlyList<PromptedSequence> sequences, Needs needs = Needs.None, Func<Tensor, Tensor>? critic = null)
    {
        var layout = new SequenceLayout(sequences, model.Tokenizer.PadId);
        var device = model.Network.parameters().First().device;
        var hidden = model.Hidden(layout.Tokens(device));
        var states = layout.Select(hidden);
        var logits = model.Logits(states);
        if (temperature is not (1.0 or 0.0))
        {
            logits = logits / temperature;
        }

        var targets = layout.Targets(device);
        Tensor logps;
        Tensor? entropy = null;
        if (needs.HasFlag(Needs.Entropies))
        {
            (logps, entropy) = Kernels.SelectedLogpsWithEntropies(logits, targets);
        }
        else
        {
            logps = Kernels.SelectedLogps(logits, targets);
        }

        return new ScoredSequences
        {
            Logps = layout.Scatter(logps),
            Mask = layout.Mask(device, logps.dtype),
            Tokens = layout.Scatter(targets),
            Entropies = entropy is null ? null : layout.Scatter(entropy),
            Logits = needs.HasFlag(Needs.Logits) ? layout.ScatterRows(logits.to_type(Kernels.WideType(logits.dtype))) : null,
            Values = critic is null ? null : layout.Scatter(critic(states)),
        };
    }

    /// <summary>Values of the states before each answer token, by a network of the critic's own.</summary>
    /// <returns>[N,T]; 0 where masked.</returns>
    public Tensor Values(IReadOnlyList<PromptedSequence> sequences, Func<Tensor, Tensor> critic)
    {
        ArgumentNullException.ThrowIfNull(critic);
        var layout = new SequenceLayout(sequences, model.Tokenizer.PadId);
        var hidden = model.Hidden(layout.Tokens(model.Network.parameters().First().device));
        return layout.Scatter(critic(layout.Select(hidden)));
    }

    /// <summary>Hidden states of every layer at the positions that predict the answers' tokens.</summary>
    /// <returns>[L,N,T,Width]; 0 where masked.</returns>
    /// <exception cref="PlumblineException">The model does not show them.</exception>
    public Tensor HiddenStates(IReadOnlyList<PromptedSequence> sequences)
    {
        var layered = model as ILayeredModel ?? throw new PlumblineException($"the objective reads hidden states of every layer, and the model {model.GetType().Name} does not show them; use a model that is an {nameof(ILayeredModel)}");
        var layout = new SequenceLayout(sequences, model.Tokenizer.PadId);
        var layers = layered.HiddenStates(layout.Tokens(model.Network.parameters().First().device));
        return stack([.. Enumerable.Range(0, (int)layers.shape[0]).Select(layer => layout.ScatterRows(layout.Select(layers.select(0, layer))))]);
    }
}
