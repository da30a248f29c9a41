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
/// made. Logits are divided by the temperature, as the sampler's were. Rows that share their prompt run it once where that pays
/// (arXiv 2506.05433); objectives see the same numbers, to rounding.
/// </remarks>
public sealed class SequenceScorer
{
    private readonly ICausalModel _model;
    private readonly double _temperature;
    private readonly SharedPrefixMode _mode;

    /// <summary>A scorer of one model.</summary>
    /// <param name="model">What predicts.</param>
    /// <param name="temperature">Divides the logits; 0 and 1 leave them.</param>
    /// <param name="sharedPrefix">When a prompt runs once for all its completions.</param>
    /// <exception cref="PlumblineException">It shall always, and the model can't.</exception>
    public SequenceScorer(ICausalModel model, double temperature = 1.0, SharedPrefixMode sharedPrefix = SharedPrefixMode.Auto)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _temperature, _mode) = (model, temperature, sharedPrefix);
        if (sharedPrefix == SharedPrefixMode.On && model is not ISharedPrefixModel)
        {
            throw new PlumblineException($"shared_prefix is \"on\", and the model {model.GetType().Name} can't run a prompt once for several completions; set it to \"auto\", or use a model that is an {nameof(ISharedPrefixModel)}");
        }
    }

    /// <summary>Scores sequences by one forward pass.</summary>
    /// <param name="sequences">N prompts with their answers.</param>
    /// <param name="needs">Of these <see cref="Needs.Entropies"/> and <see cref="Needs.Logits"/> are looked at.</param>
    /// <param name="critic">Reads hidden states [M,Width] into values [M]; null for none.</param>
    public ScoredSequences Score(IReadOnlyList<PromptedSequence> sequences, Needs needs = Needs.None, Func<Tensor, Tensor>? critic = null)
    {
        var layout = new SequenceLayout(sequences, _model.Tokenizer.PadId);
        var states = States(sequences, layout);
        var device = states.device;
        var logits = _model.Logits(states);
        if (_temperature is not (1.0 or 0.0))
        {
            logits = logits / _temperature;
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
        var layout = new SequenceLayout(sequences, _model.Tokenizer.PadId);
        return layout.Scatter(critic(States(sequences, layout)));
    }

    /// <summary>Hidden states of every layer at the positions that predict the answers' tokens.</summary>
    /// <returns>[L,N,T,Width]; 0 where masked.</returns>
    /// <exception cref="PlumblineException">The model does not show them.</exception>
    public Tensor HiddenStates(IReadOnlyList<PromptedSequence> sequences)
    {
        var layered = _model as ILayeredModel ?? throw new PlumblineException($"the objective reads hidden states of every layer, and the model {_model.GetType().Name} does not show them; use a model that is an {nameof(ILayeredModel)}");
        var layout = new SequenceLayout(sequences, _model.Tokenizer.PadId);
        var layers = layered.HiddenStates(layout.Tokens(Like.device));
        return stack([.. Enumerable.Range(0, (int)layers.shape[0]).Select(layer => layout.ScatterRows(layout.Select(layers.select(0, layer))))]);
    }

    private Tensor Like => _model.Network.parameters().First();

    /// <summary>[M,Width] the states that predict the answers' tokens.</summary>
    private Tensor States(IReadOnlyList<PromptedSequence> sequences, SequenceLayout layout)
    {
        var like = Like;
        if (_mode != SharedPrefixMode.Off && _model is ISharedPrefixModel sharing
            && new SharedPrompts(sequences) is var prompts && (_mode == SharedPrefixMode.On || prompts.Pay(Kernels.FusesPacked(like))))
        {
            return sharing.Hidden(prompts.Pack(like.device));
        }

        return layout.Select(_model.Hidden(layout.Tokens(like.device)));
    }
}
