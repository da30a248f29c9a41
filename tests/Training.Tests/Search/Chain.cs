using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Search;

/// <summary>A language of tokens 0 to V - 1 in which the next token depends on the last one alone; V - 1 may end a text.</summary>
internal sealed class Chain : TokenFunctionModel
{
    private readonly Table _table;

    internal Chain(int vocabulary, long seed, bool ends, int longest = 6)
        : base(new Digits(vocabulary, ends), longest + 1)
    {
        var draws = new Draws(seed);
        Rows = [.. Enumerable.Range(0, vocabulary).Select(row => Enumerable.Range(0, vocabulary).Select(to => 1.3 * draws.Key(row).Key(to).Normal()).ToArray())];
        _table = new Table(tensor(Rows.SelectMany(row => row).ToArray(), [vocabulary, vocabulary]));
    }

    /// <summary>The logits at the start.</summary>
    internal double[][] Rows { get; }

    public override nn.Module Network => _table;

    protected override Tensor NextLogits(Tensor tokens) => _table.Logits.index_select(0, tokens.reshape(-1)).reshape(tokens.shape[0], tokens.shape[1], -1);

    protected override TokenFunctionModel Copy() => new Chain(Tokenizer.VocabularySize, 1, Tokenizer.EosId is not null, ContextLength - 1);

    /// <summary>log p of a text that follows a token.</summary>
    internal double Logp(int start, IEnumerable<int> tokens)
    {
        var (sum, last) = (0.0, start);
        foreach (var token in tokens)
        {
            sum += Rows[last][token] - Math.Log(Rows[last].Sum(Math.Exp));
            last = token;
        }

        return sum;
    }

    /// <summary>Every text of at most so many tokens: those that ended, and those of full length.</summary>
    internal IEnumerable<int[]> Texts(int longest, int[]? begun = null)
    {
        begun ??= [];
        if (begun.Length == longest || (begun.Length > 0 && begun[^1] == Tokenizer.EosId))
        {
            return [begun];
        }

        return Enumerable.Range(0, Tokenizer.VocabularySize).SelectMany(token => Texts(longest, [.. begun, token]));
    }

    internal static SearchTask Task(int start, long seed = 3) => new(new Example(start, new JsonObject { ["prompt"] = $"{start}" }), [start], new Draws(seed).Key(start));

    internal static TextSteps Space(Func<TextStepsOptions, TextStepsOptions>? change = null)
    {
        var options = new TextStepsOptions { StepEnd = null, StepTokens = 1, MaxNewTokens = 6 };
        return new TextSteps(change?.Invoke(options) ?? options, new Tiny.NoServices());
    }

    private sealed class Digits(int vocabulary, bool ends) : ITokenizer
    {
        public int VocabularySize => vocabulary;

        public int? EosId => ends ? vocabulary - 1 : null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [.. text.Select(digit => digit - '0')];

        public string Decode(ReadOnlySpan<int> tokens) => string.Concat(tokens.ToArray());
    }

    private sealed class Table : nn.Module
    {
        internal Table(Tensor start)
            : base(nameof(Table))
        {
            Logits = new TorchSharp.Modules.Parameter(start);
            register_parameter("logits", Logits);
        }

        internal TorchSharp.Modules.Parameter Logits { get; }
    }
}
