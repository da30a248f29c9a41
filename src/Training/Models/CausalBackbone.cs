using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>A language model that reads prompt and answer: the hidden state of the answer's last token, and of the prompt's.</summary>
/// <remarks>The answer ends with the end-of-sequence token where the language has one. A prompt that leaves no room for its answer loses its first tokens.</remarks>
public sealed class CausalBackbone(ICausalModel model) : IPreferenceBackbone
{
    private readonly SequenceBuilder _builder = new(model, null, OverlongPolicy.TruncatePrompt);

    /// <inheritdoc/>
    public nn.Module Network => model.Network;

    /// <inheritdoc/>
    public int Width => model.Width;

    /// <inheritdoc/>
    public int ContextLength => model.ContextLength;

    /// <inheritdoc/>
    public int Length(PromptedText row) => Sequence(row).Length;

    /// <inheritdoc/>
    public (Tensor Answers, Tensor? Prompts) Read(IReadOnlyList<PromptedText> rows, bool prompts)
    {
        PromptedSequence[] sequences = [.. rows.Select(Fitting)];
        var width = sequences.Max(sequence => sequence.Length);
        var tokens = new long[sequences.Length * width];
        Array.Fill(tokens, model.Tokenizer.PadId);
        for (var row = 0; row < sequences.Length; row++)
        {
            var (prompt, answer) = sequences[row];
            for (var i = 0; i < sequences[row].Length; i++)
            {
                tokens[(row * width) + i] = i < prompt.Length ? prompt[i] : answer[i - prompt.Length];
            }
        }

        var hidden = model.Hidden(tensor(tokens, [sequences.Length, width], device: model.Network.parameters().First().device));
        return (At(hidden, sequences.Select(sequence => sequence.Length)), prompts ? At(hidden, sequences.Select(sequence => sequence.Prompt.Length)) : null);
    }

    /// <inheritdoc/>
    public IPreferenceBackbone Another(Draws draws)
    {
        var copy = (ICausalModel)model.Freeze();
        foreach (var parameter in copy.Network.parameters())
        {
            parameter.requires_grad = true;
        }

        return new CausalBackbone(copy);
    }

    /// <inheritdoc/>
    public IModel Freeze() => new CausalBackbone((ICausalModel)model.Freeze());

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    /// <summary>[N,T,W] to the states after so many tokens, [N,W].</summary>
    private static Tensor At(Tensor hidden, IEnumerable<int> lengths) => hidden
        .take_along_dim(tensor(lengths.Select(length => length - 1L).ToArray(), device: hidden.device).reshape(-1, 1, 1).expand(-1, 1, hidden.shape[2]), 1).squeeze(1);

    private PromptedSequence Sequence(PromptedText row) => new(_builder.Prompt(row.Prompt), _builder.Completion(row.Answer));

    private PromptedSequence Fitting(PromptedText row)
    {
        var sequence = Sequence(row);
        return sequence.Length <= ContextLength ? sequence
            : sequence.Completion.Length < ContextLength ? sequence with { Prompt = _builder.Last(sequence.Prompt, ContextLength - sequence.Completion.Length) }
            : throw new PlumblineException($"an answer of {sequence.Completion.Length} tokens is longer than the preference model's context_length of {ContextLength}");
    }
}
