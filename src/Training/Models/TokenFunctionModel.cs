using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>A language model that is a plain function of the tokens so far: a table, a small network. For problems small enough to be solved exactly.</summary>
/// <remarks>
/// It stands behind the same contract as a transformer, so every loop, sampler and method runs on it. The hidden states are the logits themselves, and
/// the cache keeps tokens. A subclass gives <see cref="NextLogits"/>, <see cref="Network"/> and <see cref="Copy"/>.
/// </remarks>
/// <param name="tokenizer">Text to tokens.</param>
/// <param name="contextLength">The longest sequence, in tokens.</param>
public abstract class TokenFunctionModel(ITokenizer tokenizer, int contextLength) : IIncrementalModel
{
    /// <inheritdoc/>
    public abstract nn.Module Network { get; }

    /// <inheritdoc/>
    public ITokenizer Tokenizer { get; } = tokenizer;

    /// <inheritdoc/>
    public int ContextLength { get; } = contextLength;

    /// <inheritdoc/>
    public virtual int Width => Tokenizer.VocabularySize;

    /// <summary>Logits of the token after each token.</summary>
    /// <param name="tokens">[N,T] int64, right-padded.</param>
    /// <returns>[N,T,V].</returns>
    protected abstract Tensor NextLogits(Tensor tokens);

    /// <summary>A new model of the same shape; its weights are overwritten.</summary>
    protected abstract TokenFunctionModel Copy();

    /// <inheritdoc/>
    public virtual Tensor Hidden(Tensor tokens) => NextLogits(tokens);

    /// <inheritdoc/>
    public virtual Tensor Logits(Tensor hidden) => hidden;

    /// <inheritdoc/>
    public IKeyValueCache NewCache(int rows, int capacity) => new History([.. Enumerable.Range(0, rows).Select(_ => new List<long>())]);

    /// <inheritdoc/>
    public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(lengths);
        var (history, width, all) = ((History)cache, (int)tokens.shape[1], tokens.cpu().data<long>().ToArray());
        for (var row = 0; row < lengths.Count; row++)
        {
            history.Rows[row].AddRange(all.AsSpan(row * width, lengths[row]));
        }

        return Last(history, tokens.device);
    }

    /// <inheritdoc/>
    public Tensor Extend(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache) => Prefill(tokens, lengths, cache);

    /// <inheritdoc/>
    public Tensor Decode(Tensor tokens, IKeyValueCache cache)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var (history, next) = ((History)cache, tokens.cpu().data<long>().ToArray());
        for (var row = 0; row < next.Length; row++)
        {
            history.Rows[row].Add(next[row]);
        }

        return Last(history, tokens.device);
    }

    /// <inheritdoc/>
    public IModel Freeze()
    {
        var copy = Copy();
        copy.Network.load_state_dict(Network.state_dict());
        copy.Network.eval();
        foreach (var parameter in copy.Network.parameters())
        {
            parameter.requires_grad = false;
        }

        return copy;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Network.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>[N,V] logits after each row's last token.</summary>
    private Tensor Last(History history, Device device)
    {
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var (rows, width) = (history.Rows, history.Rows.Max(row => row.Count));
        var padded = new long[rows.Count * width];
        for (var row = 0; row < rows.Count; row++)
        {
            rows[row].CopyTo(padded, row * width);
        }

        var hidden = Hidden(tensor(padded, [rows.Count, width], device: device));
        var last = tensor(rows.Select(row => row.Count - 1L).ToArray(), device: device);
        return Logits(hidden.take_along_dim(last.reshape(-1, 1, 1).expand(-1, 1, hidden.shape[2]), 1).squeeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The tokens read, a row each.</summary>
    private sealed class History(List<List<long>> rows) : IKeyValueCache
    {
        internal List<List<long>> Rows { get; } = rows;

        public IReadOnlyList<int> Lengths => [.. Rows.Select(row => row.Count)];

        public IKeyValueCache Select(IReadOnlyList<int> rows) => new History([.. rows.Select(row => new List<long>(Rows[row]))]);

        public void Dispose()
        {
        }
    }
}
