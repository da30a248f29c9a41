using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>The geometric mixture of two language models, token by token: π^(1-β) μ^β at each step. To be sampled from; it owns neither.</summary>
/// <remarks>An approximation of the mixture of whole sequences. Both models must share a tokenizer. The network is the policy's.</remarks>
/// <param name="policy">π.</param>
/// <param name="reference">μ.</param>
/// <param name="mixture">β, the weight of the reference.</param>
public sealed class MixtureModel(ICausalModel policy, ICausalModel reference, double mixture) : ICausalModel
{
    /// <inheritdoc/>
    public nn.Module Network => policy.Network;

    /// <inheritdoc/>
    public ITokenizer Tokenizer => policy.Tokenizer;

    /// <inheritdoc/>
    public int ContextLength => Math.Min(policy.ContextLength, reference.ContextLength);

    /// <inheritdoc/>
    public int Width => policy.Width + reference.Width;

    /// <inheritdoc/>
    public Tensor Hidden(Tensor tokens) => cat([policy.Hidden(tokens), reference.Hidden(tokens)], -1);

    /// <inheritdoc/>
    public Tensor Logits(Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        var width = hidden.shape[^1] * policy.Width / Width;
        return Mix(policy.Logits(hidden.narrow(-1, 0, width)), reference.Logits(hidden.narrow(-1, width, hidden.shape[^1] - width)));
    }

    /// <inheritdoc/>
    public IKeyValueCache NewCache(int rows, int capacity) => new Caches(policy.NewCache(rows, capacity), reference.NewCache(rows, capacity));

    /// <inheritdoc/>
    public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache)
    {
        var both = (Caches)cache;
        return Mix(policy.Prefill(tokens, lengths, both.Policy), reference.Prefill(tokens, lengths, both.Reference));
    }

    /// <inheritdoc/>
    public Tensor Decode(Tensor tokens, IKeyValueCache cache)
    {
        var both = (Caches)cache;
        return Mix(policy.Decode(tokens, both.Policy), reference.Decode(tokens, both.Reference));
    }

    /// <inheritdoc/>
    public IModel Freeze() => new MixtureModel((ICausalModel)policy.Freeze(), (ICausalModel)reference.Freeze(), mixture);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private Tensor Mix(Tensor own, Tensor other)
    {
        using var scope = NewDisposeScope();
        return GeometricMixture.Logps(own, other, mixture).MoveToOuterDisposeScope();
    }

    private sealed class Caches(IKeyValueCache policy, IKeyValueCache reference) : IKeyValueCache
    {
        internal IKeyValueCache Policy { get; } = policy;

        internal IKeyValueCache Reference { get; } = reference;

        public IReadOnlyList<int> Lengths => Policy.Lengths;

        public IKeyValueCache Select(IReadOnlyList<int> rows) => new Caches(Policy.Select(rows), Reference.Select(rows));

        public void Dispose()
        {
            Policy.Dispose();
            Reference.Dispose();
        }
    }
}
