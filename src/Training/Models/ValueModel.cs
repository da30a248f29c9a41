using Plumbline.Training.Engine;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>A language model whose value function is of a kind of its own: not a linear head on a copy of it.</summary>
public interface IOwnValues : ICausalModel
{
    /// <summary>A model of the same sequences and of width 1: its hidden state after a token is the value there. It trains, and begins at 0.</summary>
    ICausalModel NewValues();
}

/// <summary>A learned value of every state of an answer: a copy of the policy with a linear head that begins at 0, or what the policy brings as <see cref="IOwnValues"/>.</summary>
public sealed class ValueModel : IModel
{
    private readonly ICausalModel _trunk;
    private readonly Linear? _head;
    private readonly SequenceScorer _scorer;
    private readonly Parts _parts;

    private ValueModel(ICausalModel trunk, Linear? head, SharedPrefixMode sharedPrefix)
    {
        (_trunk, _head) = (trunk, head);
        _parts = new Parts(trunk.Network, head);
        _scorer = new SequenceScorer(trunk, sharedPrefix: sharedPrefix);
    }

    /// <inheritdoc/>
    public nn.Module Network => _parts;

    /// <summary>A value function beside a policy; its values are 0, and it trains.</summary>
    /// <param name="policy">Gives the network its shape and first weights; it stays as it is.</param>
    /// <param name="sharedPrefix">When a prompt runs once for all its answers.</param>
    public static ValueModel Beside(ICausalModel policy, SharedPrefixMode sharedPrefix = SharedPrefixMode.Auto)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy is IOwnValues own)
        {
            return new ValueModel(own.NewValues(), null, sharedPrefix);
        }

        var copy = (ICausalModel)policy.Freeze();
        foreach (var parameter in copy.Network.parameters())
        {
            parameter.requires_grad = true;
        }

        copy.Network.train();
        return new ValueModel(copy, ZeroHead(policy), sharedPrefix);
    }

    /// <summary>The value of the state before each answer token.</summary>
    /// <returns>[N,T]; 0 where masked.</returns>
    public Tensor Values(IReadOnlyList<PromptedSequence> sequences) => _scorer.Values(sequences, states => Values(states, _head));

    /// <summary>The value of the state after each sequence's last token; without gradient.</summary>
    /// <returns>[N].</returns>
    public double[] After(IReadOnlyList<PromptedSequence> sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        // The state before a token that is never read.
        var values = Values([.. sequences.Select(sequence => sequence with { Completion = [.. sequence.Completion, _trunk.Tokenizer.PadId] })]);
        var last = tensor(sequences.Select(sequence => (long)sequence.Completion.Length).ToArray(), device: values.device);
        return values.take_along_dim(last.unsqueeze(1), 1).squeeze(1).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
    }

    /// <inheritdoc/>
    public IModel Freeze()
    {
        var head = _head is null ? null : ZeroHead(_trunk);
        var copy = new ValueModel((ICausalModel)_trunk.Freeze(), head, SharedPrefixMode.Auto);
        head?.load_state_dict(_head!.state_dict());
        foreach (var parameter in copy.Network.parameters())
        {
            parameter.requires_grad = false;
        }

        copy.Network.eval();
        return copy;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _trunk.Dispose();
        _head?.Dispose();
    }

    /// <summary>A linear head on a model's hidden states that says 0 everywhere.</summary>
    internal static Linear ZeroHead(ICausalModel model)
    {
        var like = model.Network.parameters().First();
        var head = nn.Linear(model.Width, 1, device: like.device, dtype: like.dtype);
        // A critic that begins at zero leaves the first advantages to the rewards.
        using var still = no_grad();
        head.weight.zero_();
        head.bias!.zero_();
        return head;
    }

    /// <summary>Hidden states [M,Width] to values [M], in the dtype of sums; without a head the states are the values.</summary>
    internal static Tensor Values(Tensor states, Linear? head)
    {
        var values = (head is null ? states : head.forward(states)).squeeze(-1);
        return values.to_type(Kernels.WideType(values.dtype));
    }

    /// <summary>Trunk and head as one network.</summary>
    private sealed class Parts : nn.Module
    {
        internal Parts(nn.Module trunk, Linear? head)
            : base(nameof(ValueModel))
        {
            register_module("trunk", trunk);
            if (head is not null)
            {
                register_module("head", head);
            }
        }
    }
}
