using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Agents;

/// <summary>Scores the replies of a language model in dialogues; a dialogue runs once for all its replies.</summary>
/// <param name="model">What predicts.</param>
/// <param name="temperature">Divides the logits; 0 and 1 leave them.</param>
internal sealed class ReplyScorer(ICausalModel model, double temperature)
{
    // Below every logit, and finite: a probability of 0 times it is 0.
    private const double Never = -1e30;

    internal Device Device => model.Network.parameters().First().device;

    /// <summary>Log-probabilities of replies under the weights as they are, a row each.</summary>
    internal ScoredSequences Score(IReadOnlyList<Reply> replies, Needs needs)
    {
        var layout = new SequenceLayout([.. replies.Select(reply => new PromptedSequence(reply.Prompt, reply.Tokens))], model.Tokenizer.PadId);
        var logits = model.Logits(States(replies));
        if (temperature is not (1.0 or 0.0))
        {
            logits = logits / temperature;
        }

        var targets = layout.Targets(logits.device);
        Tensor? whole = needs.HasFlag(Needs.Logits) ? logits.to_type(Kernels.WideType(logits.dtype)) : null;
        var (over, chosen) = (logits, targets);
        int[][]? allowed = replies[0].Allowed is null ? null : [.. replies.SelectMany(reply => reply.Allowed!)];
        if (allowed is not null)
        {
            (over, var index) = Among(logits, allowed);
            chosen = tensor(allowed.Zip(replies.SelectMany(reply => reply.Tokens), (tokens, token) => (long)Array.IndexOf(tokens, token)).ToArray(), device: logits.device);
            whole = whole?.masked_fill(ones_like(whole, ScalarType.Bool).scatter(1, index, zeros_like(index, ScalarType.Bool)), Never);
        }

        var (logps, entropies) = needs.HasFlag(Needs.Entropies) ? Kernels.SelectedLogpsWithEntropies(over, chosen) : (Kernels.SelectedLogps(over, chosen), null);
        return new ScoredSequences
        {
            Logps = layout.Scatter(logps),
            Mask = layout.Mask(logits.device, logps.dtype),
            Tokens = layout.Scatter(targets),
            Entropies = entropies is null ? null : layout.Scatter(entropies),
            Logits = whole is null ? null : layout.ScatterRows(whole),
        };
    }

    /// <summary>[M,V] to the logits of each row's allowed tokens [M,K], and their ids [M,K]; a row with fewer repeats its last one, with a logit below all.</summary>
    internal static (Tensor Logits, Tensor Index) Among(Tensor logits, int[][] allowed)
    {
        var width = allowed.Max(tokens => tokens.Length);
        var (index, beyond) = (new long[allowed.Length * width], new bool[allowed.Length * width]);
        for (var row = 0; row < allowed.Length; row++)
        {
            for (var k = 0; k < width; k++)
            {
                index[(row * width) + k] = allowed[row][Math.Min(k, allowed[row].Length - 1)];
                beyond[(row * width) + k] = k >= allowed[row].Length;
            }
        }

        var (ids, mask) = (tensor(index, [allowed.Length, width], device: logits.device), tensor(beyond, [allowed.Length, width], device: logits.device));
        return (logits.to_type(Kernels.WideType(logits.dtype)).gather(1, ids).masked_fill(mask, Never), ids);
    }

    /// <summary>[M,Width] the states that predict the replies' tokens; a dialogue that others begin with is read once.</summary>
    private Tensor States(IReadOnlyList<Reply> replies)
    {
        var (sequences, owner) = (new List<int[]>(), new int[replies.Count]);
        var known = new Dictionary<Dialogue, List<int>>(ReferenceEqualityComparer.Instance);
        foreach (var row in Enumerable.Range(0, replies.Count).OrderByDescending(row => replies[row].Prompt.Length))
        {
            // The last token is predicted and never read.
            int[] read = [.. replies[row].Prompt, .. replies[row].Tokens[..^1]];
            if (!known.TryGetValue(replies[row].Dialogue, out var mine))
            {
                known[replies[row].Dialogue] = mine = [];
            }

            var longer = mine.FindIndex(s => sequences[s].Length >= read.Length && sequences[s].AsSpan(0, read.Length).SequenceEqual(read));
            if (longer < 0)
            {
                longer = mine.Count;
                mine.Add(sequences.Count);
                sequences.Add(read);
            }

            owner[row] = mine[longer];
        }

        var hidden = model.Hidden(Padded([.. sequences]));
        long width = hidden.shape[1];
        long[] places = [.. replies.SelectMany((reply, row) => Enumerable.Range(reply.Prompt.Length - 1, reply.Tokens.Length).Select(position => (owner[row] * width) + position))];
        return hidden.reshape(-1, hidden.shape[2]).index_select(0, tensor(places, device: hidden.device));
    }

    /// <summary>[N,T] int64 tokens, right-padded.</summary>
    internal Tensor Padded(int[][] rows)
    {
        var width = rows.Max(row => row.Length);
        var tokens = new long[rows.Length * width];
        Array.Fill(tokens, model.Tokenizer.PadId);
        for (var row = 0; row < rows.Length; row++)
        {
            for (var t = 0; t < rows[row].Length; t++)
            {
                tokens[(row * width) + t] = rows[row][t];
            }
        }

        return tensor(tokens, [rows.Length, width], device: Device);
    }
}
