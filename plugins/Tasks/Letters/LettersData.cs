using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Letters;

/// <summary>What the rows of <c>letters</c> hold.</summary>
public enum LettersRows
{
    /// <summary>prompt and completion, both of uniform letters: what a base model learns from.</summary>
    Demonstrations,

    /// <summary>prompt alone.</summary>
    Prompts,

    /// <summary>prompt, chosen and rejected: two answers of uniform letters, labelled by content and length; no model is needed.</summary>
    Pairs,
}

/// <summary>Options of <c>letters</c>.</summary>
public sealed record LettersDataOptions
{
    /// <summary>What the rows hold.</summary>
    public LettersRows Rows { get; init; } = LettersRows.Demonstrations;

    /// <summary>Rows to learn from.</summary>
    [Positive]
    public int Count { get; init; } = 1500;

    /// <summary>Further rows kept apart.</summary>
    [NonNegative]
    public int HeldOut { get; init; }

    /// <summary>Another number gives other rows.</summary>
    public int Series { get; init; }

    /// <summary>The probability that an answer ends before each letter after the first.</summary>
    [Interval(0, 1)]
    public double EndProbability { get; init; } = 0.14;

    /// <summary>Longest answer in letters; the end-of-sequence token is one more.</summary>
    [Positive]
    public int Longest { get; init; } = 9;

    /// <summary>Pairs: how much one more a, or one b less, counts for the winner.</summary>
    public double Content { get; init; } = 1;

    /// <summary>Pairs: how much one letter more counts for the winner.</summary>
    public double Length { get; init; }
}

/// <summary>The letters task: prompts of two random letters, answers of one to nine. A pair's winner is drawn with probability σ of the weighted differences of #a - #b and of length.</summary>
[Data("letters")]
public sealed class LettersData(LettersDataOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("letters").Key(options.Series);
        return new DataSet([.. Enumerable.Range(0, options.Count).Select(i => Row(i))], [.. Enumerable.Range(1, options.HeldOut).Select(i => Row(-i))]);

        // Held-out rows count downwards, so that no count changes which rows there are.
        Example Row(long index)
        {
            var own = draws.Key(index);
            var row = new JsonObject { ["prompt"] = string.Concat(Enumerable.Range(0, 2).Select(place => Letter(own.Key("prompt").Key(place)))) };
            switch (options.Rows)
            {
                case LettersRows.Demonstrations:
                    row["completion"] = Answer(own.Key("completion"));
                    break;
                case LettersRows.Pairs:
                    var (first, second) = (Answer(own.Key("first")), Answer(own.Key("second")));
                    var margin = Value(first) - Value(second);
                    (row["chosen"], row["rejected"]) = own.Key("winner").Uniform() < 1 / (1 + Math.Exp(-margin)) ? (first, second) : (second, first);
                    break;
            }

            return new Example(index, row);
        }
    }

    private string Answer(Draws draws)
    {
        var length = 1;
        while (length < options.Longest && draws.Key("end").Key(length).Uniform() >= options.EndProbability)
        {
            length++;
        }

        return string.Concat(Enumerable.Range(0, length).Select(place => Letter(draws.Key(place))));
    }

    private double Value(string answer) => (options.Content * Letters.Balance(answer)) + (options.Length * answer.Length);

    private static char Letter(Draws draws) => Letters.Letter(draws.Below(Letters.Alphabet));
}
