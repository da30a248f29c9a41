using static TorchSharp.torch;

namespace Plumbline.Plugins.Gpm;

/// <summary>The score of a pair of embeddings: s(a &gt; b) = Σ_l λ_l (a_{2l} b_{2l+1} - a_{2l+1} b_{2l}).</summary>
internal static class Preferences
{
    /// <summary>[...,2k] to [...,k,2]: block l holds entries 2l and 2l+1.</summary>
    internal static Tensor Blocks(Tensor embeddings, bool normalize)
    {
        var vectors = embeddings;
        if (normalize)
        {
            var lengths = embeddings.square().sum(-1, keepdim: true).sqrt();
            vectors = lengths.detach().min().ToDouble() > 0 ? embeddings / lengths
                : throw new InvalidInputException("an embedding is 0 everywhere, and 'normalize' would divide by its length");
        }

        return vectors.reshape([.. embeddings.shape[..^1], embeddings.shape[^1] / 2, 2]);
    }

    /// <summary>The scores of first over second; they change sign when the two swap.</summary>
    /// <param name="first">[...,k,2].</param>
    /// <param name="second">[...,k,2].</param>
    /// <param name="gate">[...,k] λ; null: 1.</param>
    internal static Tensor Scores(Tensor first, Tensor second, Tensor? gate)
    {
        var blocks = (first.select(-1, 0) * second.select(-1, 1)) - (first.select(-1, 1) * second.select(-1, 0));
        return (gate is null ? blocks : gate * blocks).sum(-1);
    }

    /// <summary>λ = softmax of what the gate's head gives the prompt.</summary>
    internal static Tensor? Gate(Tensor? logits, Tensor embeddings)
    {
        if (logits is null)
        {
            return null;
        }

        long[] expected = [.. embeddings.shape[..^1], embeddings.shape[^1] / 2];
        return logits.shape.AsSpan().SequenceEqual(expected) ? logits.softmax(-1)
            : throw new InvalidInputException($"the shape of 'gate_logits' is [{string.Join(',', logits.shape)}]; it must be [{string.Join(',', expected)}], one number a block");
    }

    /// <summary>Refuses what is no row of blocks.</summary>
    internal static void RequireBlocks(Tensor embeddings, string name)
    {
        if (embeddings.dim() != 2 || embeddings.shape[1] % 2 != 0 || embeddings.shape[1] == 0)
        {
            throw new InvalidInputException($"the shape of '{name}' is [{string.Join(',', embeddings.shape)}]; it must be [rows,2k], two numbers a block");
        }
    }
}
