using Microsoft.Extensions.Logging;

namespace Plumbline.Training;

/// <summary>A prompt and an answer in tokens.</summary>
/// <param name="Prompt">At least one token.</param>
/// <param name="Completion">Ends with the end-of-sequence token where the answer is complete.</param>
public readonly record struct PromptedSequence(int[] Prompt, int[] Completion)
{
    /// <summary>Tokens in all.</summary>
    public int Length => Prompt.Length + Completion.Length;
}

/// <summary>Turns texts into the sequences a loop trains on.</summary>
/// <param name="model">Whose tokens they are.</param>
/// <param name="maxLength">Longest sequence in tokens; null: the model's context.</param>
/// <param name="overlong">What to do with a longer one.</param>
public sealed class SequenceBuilder(ICausalModel model, int? maxLength, OverlongPolicy overlong)
{
    private readonly ITokenizer _tokenizer = model.Tokenizer;

    /// <summary>Longest sequence in tokens.</summary>
    public int MaxLength { get; } = Math.Min(maxLength ?? model.ContextLength, model.ContextLength);

    /// <summary>The prompt's tokens, after the beginning-of-sequence token where the model has one.</summary>
    internal int[] Prompt(Example example) => Find(example.Text("prompt"))
        ?? throw new PlumblineException($"row {example.Index} of the data has an empty prompt, and the tokenizer has no beginning-of-sequence token; give it a prompt");

    /// <summary>The prompt's tokens, after the beginning-of-sequence token where the model has one.</summary>
    internal int[] Prompt(string text) => Find(text) ?? throw new PlumblineException("a prompt is empty, and the tokenizer has no beginning-of-sequence token");

    /// <summary>An answer's tokens, and the end-of-sequence token where the language has one.</summary>
    internal int[] Completion(Example example, string column) => Completion(example.Text(column));

    /// <summary>An answer's tokens, and the end-of-sequence token where the language has one.</summary>
    internal int[] Completion(string text) => _tokenizer.EosId is { } end ? [.. _tokenizer.Encode(text), end] : _tokenizer.Encode(text);

    /// <summary>Sequences of the columns of each example; an example with one that doesn't fit is left out or refused, as the policy says.</summary>
    /// <exception cref="PlumblineException">None is left, or one is too long where that is refused; the message names the row.</exception>
    public IReadOnlyList<(Example Example, PromptedSequence[] Sequences)> Build(IReadOnlyList<Example> examples, ILogger log, params string[] columns) =>
        Build(examples, log, example => [.. columns.Select(column => Completion(example, column))]);

    /// <summary>Sequences of the answers of each example, as tokens.</summary>
    internal List<(Example Example, PromptedSequence[] Sequences)> Build(IReadOnlyList<Example> examples, ILogger log, Func<Example, int[][]> answers)
    {
        var built = new List<(Example, PromptedSequence[])>(examples.Count);
        var dropped = 0;
        foreach (var example in examples)
        {
            var prompt = Prompt(example);
            PromptedSequence[] sequences = [.. answers(example).Select(answer => new PromptedSequence(prompt, answer))];
            var fits = sequences.All(sequence => sequence.Length <= MaxLength);
            if (!fits && !Fit(example, sequences))
            {
                dropped++;
                continue;
            }

            built.Add((example, sequences));
        }

        if (dropped > 0)
        {
            log.LogWarning("left out {Dropped} of {Count} examples longer than {MaxLength} tokens", dropped, examples.Count, MaxLength);
        }

        return built.Count > 0 ? built
            : throw new PlumblineException(examples.Count == 0 ? "the data set has no examples to train on"
                : $"none of the {examples.Count} examples fits into {MaxLength} tokens; raise max_length or the model's context_length");
    }

    /// <summary>A prompt's last tokens, after its beginning-of-sequence token where it has one and there is room for both.</summary>
    internal int[] Last(int[] prompt, int count) =>
        count >= prompt.Length ? prompt
        : count > 1 && prompt[0] == _tokenizer.BosId ? [prompt[0], .. prompt[^(count - 1)..]]
        : prompt[^count..];

    private int[]? Find(string prompt)
    {
        var tokens = _tokenizer.Encode(prompt);
        return _tokenizer.BosId is { } bos ? [bos, .. tokens] : tokens.Length > 0 ? tokens : null;
    }

    private bool Fit(Example example, PromptedSequence[] sequences)
    {
        switch (overlong)
        {
            case OverlongPolicy.Refuse:
                throw new PlumblineException(
                    $"row {example.Index} of the data is {sequences.Max(sequence => sequence.Length)} tokens long, and the longest sequence is {MaxLength}; raise max_length or context_length, or set overlong to \"drop\" or \"truncate_prompt\"");
            case OverlongPolicy.TruncatePrompt:
                var room = MaxLength - sequences.Max(sequence => sequence.Completion.Length);
                if (room < 1)
                {
                    return false;
                }

                // One prompt for all the answers of a row, or they could not be compared.
                var prompt = Last(sequences[0].Prompt, room);
                for (var i = 0; i < sequences.Length; i++)
                {
                    sequences[i] = sequences[i] with { Prompt = prompt };
                }

                return true;
            default:
                return false;
        }
    }
}
