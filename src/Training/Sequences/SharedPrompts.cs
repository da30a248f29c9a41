using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Sequences whose prompts are equal, wherever they are in the batch: a group each, in order of first appearance.</summary>
internal sealed class SharedPrompts
{
    private readonly IReadOnlyList<PromptedSequence> _sequences;
    private readonly int[][] _rows;

    internal SharedPrompts(IReadOnlyList<PromptedSequence> sequences)
    {
        _sequences = sequences;
        _rows = [.. Enumerable.Range(0, sequences.Count).GroupBy(row => sequences[row].Prompt, SameTokens.Instance).Select(group => group.ToArray())];
        // The last token of a sequence is predicted and never read.
        Layout = new PackedLayout([.. _rows.Select(rows => new PackedGroup(sequences[rows[0]].Prompt.Length, [.. rows.Select(row => Math.Max(0, sequences[row].Completion.Length - 1))]))]);
    }

    /// <summary>Where the tokens lie when each prompt is there once.</summary>
    internal PackedLayout Layout { get; }

    /// <summary>Whether running each prompt once is expected to be faster than running each row.</summary>
    /// <param name="fused">Whether attention is one fused kernel.</param>
    internal bool Pay(bool fused) => _rows.Length < _sequences.Count
        && SharedPrefixCost.Of(Layout.Groups).Pays((long)_sequences.Count * (_sequences.Max(sequence => sequence.Length) - 1), fused);

    /// <summary>The packed row; its places are those that predict the answers' tokens, row after row of the batch.</summary>
    internal PackedSequences Pack(Device device)
    {
        var (tokens, places, before) = (new List<long>(Layout.Length), new long[_sequences.Count][], Layout.Before);
        for (var group = 0; group < _rows.Length; group++)
        {
            tokens.AddRange(_sequences[_rows[group][0]].Prompt.Select(token => (long)token));
            for (var i = 0; i < _rows[group].Length; i++)
            {
                var completion = _sequences[_rows[group][i]].Completion;
                tokens.AddRange(completion.SkipLast(1).Select(token => (long)token));
                places[_rows[group][i]] = before[group][i][..completion.Length];
            }
        }

        return new PackedSequences
        {
            Tokens = tensor(tokens.ToArray(), device: device),
            Positions = tensor(Layout.Positions, device: device),
            Groups = Layout.Groups,
            Places = tensor(places.SelectMany(row => row).ToArray(), device: device),
        };
    }

    private sealed class SameTokens : IEqualityComparer<int[]>
    {
        internal static readonly SameTokens Instance = new();

        public bool Equals(int[]? a, int[]? b) => ReferenceEquals(a, b) || a.AsSpan().SequenceEqual(b);

        public int GetHashCode(int[] tokens)
        {
            var hash = default(HashCode);
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(tokens.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
