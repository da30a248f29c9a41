using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>What a forward pass tells about sequences. Rows are right-padded to the longest answer.</summary>
/// <param name="Logps">[N,T] log-probabilities of the answers' tokens, nats; 0 where masked.</param>
/// <param name="Mask">[N,T] 1 at answer tokens, else 0.</param>
/// <param name="Entropies">[N,T] entropies of the next-token distributions, nats; null unless asked for.</param>
/// <param name="Values">[N,T] the critic's value of the state before each token; null without a critic.</param>
public sealed record ScoredSequences(Tensor Logps, Tensor Mask, Tensor? Entropies, Tensor? Values);

/// <summary>The one provider of log-probabilities between model and objective.</summary>
/// <remarks>
/// Hidden states are gathered at the answers' positions before the head runs, so that logits of prompts and padding are never
/// made. Logits are divided by the temperature, as the sampler's were.
/// </remarks>
public sealed class SequenceScorer(ICausalModel model, double temperature = 1.0)
{
    /// <summary>Scores sequences by one forward pass.</summary>
    /// <param name="sequences">N prompts with their answers.</param>
    /// <param name="entropies">Whether to compute entropies.</param>
    /// <param name="critic">Reads hidden states [M,Width] into values [M]; null for none.</param>
    public ScoredSequences Score(IReadOnlyList<PromptedSequence> sequences, bool entropies = false, Func<Tensor, Tensor>? critic = null)
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
        if (entropies)
        {
            (logps, entropy) = Kernels.SelectedLogpsWithEntropies(logits, targets);
        }
        else
        {
            logps = Kernels.SelectedLogps(logits, targets);
        }

        return new ScoredSequences(
            layout.Scatter(logps),
            layout.Mask(device, logps.dtype),
            entropy is null ? null : layout.Scatter(entropy),
            critic is null ? null : layout.Scatter(critic(states)));
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
}
