using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Where each answer token of a ragged batch lies: in the padded tokens, and in the padded answers.</summary>
internal sealed class SequenceLayout
{
    private readonly IReadOnlyList<PromptedSequence> _sequences;
    private readonly int _pad;
    private readonly int _rows;
    private readonly int _inputs;
    private readonly int _answers;
    private readonly long[] _targets;
    private readonly long[] _places;

    internal SequenceLayout(IReadOnlyList<PromptedSequence> sequences, int pad)
    {
        (_sequences, _pad, _rows) = (sequences, pad, sequences.Count);
        // The last token of a sequence is predicted and never read.
        _inputs = sequences.Max(sequence => sequence.Length) - 1;
        _answers = sequences.Max(sequence => sequence.Completion.Length);
        var count = sequences.Sum(sequence => sequence.Completion.Length);
        (_targets, _places) = (new long[count], new long[count]);
        var next = 0;
        for (var row = 0; row < _rows; row++)
        {
            for (var t = 0; t < sequences[row].Completion.Length; t++, next++)
            {
                _targets[next] = sequences[row].Completion[t];
                _places[next] = ((long)row * _answers) + t;
            }
        }
    }

    /// <summary>[N,L] int64 input tokens.</summary>
    internal Tensor Tokens(Device device)
    {
        var tokens = new long[_rows * _inputs];
        Array.Fill(tokens, _pad);
        for (var row = 0; row < _rows; row++)
        {
            var (prompt, completion) = _sequences[row];
            for (var i = 0; i < prompt.Length + completion.Length - 1; i++)
            {
                tokens[(row * _inputs) + i] = i < prompt.Length ? prompt[i] : completion[i - prompt.Length];
            }
        }

        return tensor(tokens, [_rows, _inputs], device: device);
    }

    /// <summary>[M] int64 the answers' tokens, row after row.</summary>
    internal Tensor Targets(Device device) => tensor(_targets, device: device);

    /// <summary>[N,L,W] to the M states that predict an answer token, [M,W].</summary>
    internal Tensor Select(Tensor hidden)
    {
        long[] positions = [.. _sequences.SelectMany((sequence, row) =>
            Enumerable.Range((row * _inputs) + sequence.Prompt.Length - 1, sequence.Completion.Length).Select(position => (long)position))];
        return hidden.reshape(-1, hidden.shape[^1]).index_select(0, tensor(positions, device: hidden.device));
    }

    /// <summary>[M] to [N,T], 0 where there is no token.</summary>
    internal Tensor Scatter(Tensor values) =>
        zeros([(long)_rows * _answers], dtype: values.dtype, device: values.device)
            .scatter(0, tensor(_places, device: values.device), values)
            .reshape(_rows, _answers);

    /// <summary>[M,D] to [N,T,D], 0 where there is no token.</summary>
    internal Tensor ScatterRows(Tensor rows) =>
        zeros([(long)_rows * _answers, rows.shape[1]], dtype: rows.dtype, device: rows.device)
            .index_add(0, tensor(_places, device: rows.device), rows, 1)
            .reshape(_rows, _answers, rows.shape[1]);

    /// <summary>[N,T] 1 at answer tokens, else 0.</summary>
    internal Tensor Mask(Device device, ScalarType dtype) => Scatter(ones([_places.Length], dtype: dtype, device: device));
}
