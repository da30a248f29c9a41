using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Where the value function lives.</summary>
public enum CriticKind
{
    /// <summary>A linear head on the policy's hidden states; its gradient reaches the shared trunk.</summary>
    Head,

    /// <summary>A network of its own, begun as a copy of the policy, with a linear head; beside a table, a number for each of its states.</summary>
    Network,
}

/// <summary>A learned value of the state before each answer token.</summary>
internal sealed class Critic : IDisposable
{
    private readonly ValueModel? _network;
    private readonly Linear? _head;
    private readonly SequenceScorer? _trunk;

    internal Critic(CriticKind kind, ICausalModel policy, SharedPrefixMode sharedPrefix)
    {
        if (kind == CriticKind.Network)
        {
            _network = ValueModel.Beside(policy, sharedPrefix);
        }
        else
        {
            (_head, _trunk) = (ValueModel.ZeroHead(policy), new SequenceScorer(policy, sharedPrefix: sharedPrefix));
        }
    }

    /// <summary>What trains with the critic's own learning rate.</summary>
    internal IEnumerable<Parameter> Parameters => _network?.Network.parameters() ?? _head!.parameters();

    /// <summary>Log-probabilities, entropies if asked for, and values; one forward where the trunk is shared, else two.</summary>
    internal ScoredSequences Score(SequenceScorer scorer, IReadOnlyList<PromptedSequence> sequences, Needs needs) => _network is null
        ? scorer.Score(sequences, needs, Head) : scorer.Score(sequences, needs) with { Values = _network.Values(sequences) };

    /// <summary>Values alone.</summary>
    internal Tensor Values(IReadOnlyList<PromptedSequence> sequences) => _network?.Values(sequences) ?? _trunk!.Values(sequences, Head);

    /// <inheritdoc/>
    public void Dispose()
    {
        _network?.Dispose();
        _head?.Dispose();
    }

    private Tensor Head(Tensor states) => ValueModel.Values(states, _head);
}
