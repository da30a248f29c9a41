using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>A model that keeps the tokens it was given.</summary>
internal sealed class Watched(ICausalModel model) : ICausalModel
{
    /// <summary>Each forward pass: its rows of tokens.</summary>
    internal List<long[][]> Reads { get; } = [];

    public nn.Module Network => model.Network;

    public ITokenizer Tokenizer => model.Tokenizer;

    public int ContextLength => model.ContextLength;

    public int Width => model.Width;

    public Tensor Hidden(Tensor tokens)
    {
        Reads.Add([.. tokens.data<long>().ToArray().Chunk((int)tokens.shape[1])]);
        return model.Hidden(tokens);
    }

    public Tensor Logits(Tensor hidden) => model.Logits(hidden);

    public IKeyValueCache NewCache(int rows, int capacity) => model.NewCache(rows, capacity);

    public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache) => model.Prefill(tokens, lengths, cache);

    public Tensor Decode(Tensor tokens, IKeyValueCache cache) => model.Decode(tokens, cache);

    public IModel Freeze() => model.Freeze();

    public void Dispose() => model.Dispose();
}
