using Plumbline.Training.Engine;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Where the value function lives.</summary>
public enum CriticKind
{
    /// <summary>A linear head on the policy's hidden states; its gradient reaches the shared trunk.</summary>
    Head,

    /// <summary>A network of its own, begun as a copy of the policy, with a linear head.</summary>
    Network,
}

/// <summary>A learned value of the state before each answer token.</summary>
internal sealed class Critic : IDisposable
{
    private readonly ICausalModel? _network;
    private readonly Linear _head;
    private readonly SequenceScorer _scorer;

    internal Critic(CriticKind kind, ICausalModel policy, SharedPrefixMode sharedPrefix)
    {
        var like = policy.Network.parameters().First();
        if (kind == CriticKind.Network)
        {
            _network = (ICausalModel)policy.Freeze();
            foreach (var parameter in _network.Network.parameters())
            {
                parameter.requires_grad = true;
            }

            _network.Network.train();
        }

        _scorer = new SequenceScorer(_network ?? policy, sharedPrefix: sharedPrefix);
        _head = nn.Linear(policy.Width, 1, device: like.device, dtype: like.dtype);
        // A critic that begins at zero leaves the first advantages to the rewards.
        using var still = no_grad();
        _head.weight.zero_();
        _head.bias!.zero_();
    }

    /// <summary>What trains with the critic's own learning rate.</summary>
    internal IEnumerable<Parameter> Parameters => _network is null ? _head.parameters() : _network.Network.parameters().Concat(_head.parameters());

    /// <summary>Log-probabilities, entropies if asked for, and values; one forward where the trunk is shared, else two.</summary>
    internal ScoredSequences Score(SequenceScorer scorer, IReadOnlyList<PromptedSequence> sequences, Needs needs)
    {
        if (_network is null)
        {
            return scorer.Score(sequences, needs, Head);
        }

        return scorer.Score(sequences, needs) with { Values = _scorer.Values(sequences, Head) };
    }

    /// <summary>Values alone.</summary>
    internal Tensor Values(IReadOnlyList<PromptedSequence> sequences) => _scorer.Values(sequences, Head);

    /// <inheritdoc/>
    public void Dispose()
    {
        _network?.Dispose();
        _head.Dispose();
    }

    private Tensor Head(Tensor states)
    {
        var values = _head.forward(states).squeeze(-1);
        return values.to_type(Kernels.WideType(values.dtype));
    }
}
