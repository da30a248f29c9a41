using static TorchSharp.torch;

namespace Plumbline;

/// <summary>Builds, loads, saves and runs a network.</summary>
[Kind(Kinds.Model)]
public interface IModel : IDisposable
{
    /// <summary>The network; its parameters are what trains.</summary>
    nn.Module Network { get; }

    /// <summary>A copy that stays as the model is now; no gradient, evaluation mode. Weights that train are in memory of its own; those that don't may be shared.</summary>
    IModel Freeze();
}

/// <summary>A language model that predicts the next token from those before it.</summary>
/// <remarks>Sequences are right-padded: a causal model never looks at what comes after, so padding needs no mask.</remarks>
public interface ICausalModel : IModel
{
    /// <summary>The tokenizer the model was built for.</summary>
    ITokenizer Tokenizer { get; }

    /// <summary>The longest sequence, in tokens.</summary>
    int ContextLength { get; }

    /// <summary>Width of the hidden states.</summary>
    int Width { get; }

    /// <summary>Hidden states after the last norm.</summary>
    /// <param name="tokens">[N,T] int64.</param>
    /// <returns>[N,T,Width].</returns>
    Tensor Hidden(Tensor tokens);

    /// <summary>Next-token logits of hidden states.</summary>
    /// <param name="hidden">[...,Width].</param>
    /// <returns>[...,V].</returns>
    Tensor Logits(Tensor hidden);

    /// <summary>An empty key-value cache.</summary>
    /// <param name="rows">Sequences at a time.</param>
    /// <param name="capacity">Longest sequence the cache can hold, in tokens.</param>
    IKeyValueCache NewCache(int rows, int capacity);

    /// <summary>Reads prompts into a cache.</summary>
    /// <param name="tokens">[N,T] int64, right-padded.</param>
    /// <param name="lengths">Tokens of each row, at least 1.</param>
    /// <param name="cache">An empty cache of N rows.</param>
    /// <returns>[N,V] logits after each row's last token.</returns>
    Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache);

    /// <summary>Reads one more token a row.</summary>
    /// <param name="tokens">[N] int64.</param>
    /// <param name="cache">The cache, which grows by one token a row.</param>
    /// <returns>[N,V] logits.</returns>
    Tensor Decode(Tensor tokens, IKeyValueCache cache);
}

/// <summary>A language model that shows the hidden states of every layer.</summary>
public interface ILayeredModel : ICausalModel
{
    /// <summary>The stream after the embedding and after each block, before the last norm.</summary>
    /// <param name="tokens">[N,T] int64.</param>
    /// <returns>[L,N,T,Width].</returns>
    Tensor HiddenStates(Tensor tokens);
}

/// <summary>A language model that reads a prefix once for all the sequences that begin with it.</summary>
/// <remarks>For a model in which nothing but attention looks at other tokens, values and gradients are those of the sequences read one by one.</remarks>
public interface ISharedPrefixModel : ICausalModel
{
    /// <summary>Hidden states after the last norm, at the places asked for.</summary>
    /// <returns>[A,Width].</returns>
    Tensor Hidden(PackedSequences packed);
}

/// <summary>A language model that reads further tokens into a cache that holds some already, many at a time: what was read before is not read again.</summary>
public interface IIncrementalModel : ICausalModel
{
    /// <summary>Reads more tokens a row.</summary>
    /// <param name="tokens">[N,T] int64, right-padded.</param>
    /// <param name="lengths">New tokens of each row, at least 1.</param>
    /// <param name="cache">A cache of N rows, each with as many tokens as it has read so far; it grows by the new ones.</param>
    /// <returns>[N,V] logits after each row's last token.</returns>
    Tensor Extend(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache);
}

/// <summary>Keys and values of the tokens a model has read, a row a sequence.</summary>
public interface IKeyValueCache : IDisposable
{
    /// <summary>Tokens read, a row each.</summary>
    IReadOnlyList<int> Lengths { get; }

    /// <summary>A cache of chosen rows, in the order given; a row may be chosen several times. This cache stays as it is.</summary>
    IKeyValueCache Select(IReadOnlyList<int> rows);
}

/// <summary>Text to tokens and back.</summary>
[Kind(Kinds.Tokenizer)]
public interface ITokenizer
{
    /// <summary>Number of token ids.</summary>
    int VocabularySize { get; }

    /// <summary>Ends a completion; null in a language whose completions all have the longest length.</summary>
    int? EosId { get; }

    /// <summary>Fills the right of shorter rows.</summary>
    int PadId { get; }

    /// <summary>Begins every sequence; null where the model uses none.</summary>
    int? BosId { get; }

    /// <summary>The tokens of a text, without special tokens.</summary>
    int[] Encode(string text);

    /// <summary>The text of tokens; special tokens leave no trace.</summary>
    string Decode(ReadOnlySpan<int> tokens);
}
