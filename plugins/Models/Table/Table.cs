using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Table;

/// <summary>A table of logits instead of a network: one distribution for each prompt of one token and each place in the answer.</summary>
/// <remarks>Methods run on it as on a transformer, in seconds, and what they reach can be compared with the exact answer.</remarks>
[Model("table")]
public sealed class Table : TableModel
{
    /// <summary>Builds the table on the run's device and dtype.</summary>
    public Table(TableOptions options, RunContext run, IServiceProvider services)
        : base(options?.Tokenizer.Create(services) ?? throw new ArgumentNullException(nameof(options)), Start(options, options.Tokenizer.Create(services), run))
    {
    }

    private static Tensor Start(TableOptions options, ITokenizer tokenizer, RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var answers = options.AnswerTokens ?? tokenizer.VocabularySize;
        if (answers > tokenizer.VocabularySize)
        {
            throw new PlumblineException($"answer_tokens of the table is {answers}, and its tokenizer has only {tokenizer.VocabularySize} tokens");
        }

        var (draws, size) = (run.Draws.Key("weights"), options.Prompts * options.Positions * answers);
        double[] values = [.. Enumerable.Range(0, size).Select(i => options.InitStd * draws.Key(i).Normal())];
        return tensor(values, [options.Prompts, options.Positions, answers], device: run.Device).to_type(run.Dtype);
    }
}

/// <summary>Options of <c>table</c>.</summary>
public sealed record TableOptions
{
    /// <summary>Prompts; each is one token, the number of its row.</summary>
    [Positive]
    public required int Prompts { get; init; }

    /// <summary>Tokens of an answer at most, the end-of-sequence token included.</summary>
    [Positive]
    public int Positions { get; init; } = 1;

    /// <summary>Tokens that an answer is made of, the first of the vocabulary; null: all.</summary>
    [Positive]
    public int? AnswerTokens { get; init; }

    /// <summary>Standard deviation of the first logits.</summary>
    [NonNegative]
    public double InitStd { get; init; }

    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}
