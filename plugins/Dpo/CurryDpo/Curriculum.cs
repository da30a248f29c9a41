using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Plumbline.Plugins.CurryDpo;

/// <summary>Rows with several rated answers to pairs in stages, those with the largest gap first.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>answers</c> (texts), <c>scores</c> and, where the gap is not to be that of the scores, <c>difficulty</c> (numbers, one an answer).
/// The pairs have <c>prompt</c>, <c>chosen</c>, <c>rejected</c>, <c>chosen_score</c>, <c>rejected_score</c>, <c>stage</c> and <c>gap</c>, and the row's other columns.
/// </remarks>
[Transform("curry-dpo")]
public sealed class Curriculum(CurriculumOptions options) : ITransform
{
    // A pair's index is made of its row's and its answers', so that it does not depend on the other rows.
    private const int MostAnswers = 1024;

    private readonly record struct Pair(int Prompt, int Chosen, int Rejected, double Gap, int Stage);

    /// <summary>The pairs of rated answers in training order: prompt_ids, chosen_index, rejected_index, stage [n] int64; gap [n].</summary>
    /// <param name="scores">One list of ratings a prompt.</param>
    /// <param name="difficulty">Values whose differences are the gaps; null: the scores. They decide the order, never who is chosen.</param>
    /// <exception cref="InvalidInputException">The lengths of <paramref name="difficulty"/> are not those of the scores.</exception>
    [Target("curry-dpo/pairs")]
    public Outputs Pairs(double[][] scores, double[][]? difficulty = null)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var pairs = Ordered(scores, difficulty);
        Tensor Column(Func<Pair, long> of) => tensor(pairs.Select(of).ToArray());
        return new Outputs
        {
            ["prompt_ids"] = Column(pair => pair.Prompt),
            ["chosen_index"] = Column(pair => pair.Chosen),
            ["rejected_index"] = Column(pair => pair.Rejected),
            ["stage"] = Column(pair => pair.Stage),
            ["gap"] = tensor(pairs.Select(pair => pair.Gap).ToArray()),
        };
    }

    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        string[][] answers = [.. rows.Select(row => List(row, "answers", "texts", item => item is JsonValue value && value.TryGetValue<string>(out var text) ? text : null))];
        double[][] scores = [.. rows.Select(row => Numbers(row, "scores"))];
        var difficulty = rows.Any(row => row.Columns["difficulty"] is not null) ? rows.Select(row => Numbers(row, "difficulty")).ToArray() : null;
        for (var i = 0; i < rows.Count; i++)
        {
            if (answers[i].Length != scores[i].Length || answers[i].Length > MostAnswers)
            {
                throw new PlumblineException($"row {rows[i].Index} of the data has {answers[i].Length} 'answers' and {scores[i].Length} 'scores'; there must be as many of both, {MostAnswers} at most");
            }
        }

        var pairs = Ordered(scores, difficulty);
        return pairs.Length == 0 && rows.Count > 0
            ? throw new PlumblineException($"the {rows.Count} rows of the data give no pair: no two answers of a prompt have scores that differ by more than min_gap = {options.MinGap}")
            : [.. pairs.Select(pair => Row(rows[pair.Prompt], pair))];
    }

    private Pair[] Ordered(double[][] scores, double[][]? difficulty)
    {
        if (difficulty is not null && !difficulty.Select(values => values.Length).SequenceEqual(scores.Select(values => values.Length)))
        {
            throw new InvalidInputException("the 'difficulty' must have one number for each of the scores");
        }

        var pairs = scores.SelectMany((ratings, prompt) => OfPrompt(prompt, ratings, (difficulty ?? scores)[prompt]));
        if (options.Ordering == CurriculumOrdering.Global)
        {
            Pair[] all = [.. EasiestFirst(pairs)];
            pairs = all.Select((pair, place) => pair with { Stage = (int)((long)place * options.Stages / all.Length) });
        }

        return [.. EasiestFirst(pairs).OrderBy(pair => pair.Stage)];
    }

    /// <summary>The pairs of one prompt, easiest first, thinned; each with its place, or the last stage, as its stage.</summary>
    private IEnumerable<Pair> OfPrompt(int prompt, double[] scores, double[] difficulty)
    {
        var answers = Enumerable.Range(0, scores.Length);
        Pair[] pairs = [.. EasiestFirst(
            from chosen in options.Pairing == Pairing.All ? answers : answers.OrderByDescending(answer => scores[answer]).Take(1)
            from rejected in answers
            where scores[chosen] > scores[rejected] && scores[chosen] - scores[rejected] > options.MinGap
            select new Pair(prompt, chosen, rejected, Math.Abs(difficulty[chosen] - difficulty[rejected]), 0))];
        var (count, kept) = (pairs.Length, options.PairsPerPrompt);
        if (kept > 0 && count > kept)
        {
            pairs = [.. Enumerable.Range(0, kept).Select(k => pairs[kept == 1 ? 0 : (int)Math.Floor((k * (count - 1.0) / (kept - 1)) + 0.5)])];
        }

        return pairs.Select((pair, place) => pair with { Stage = Math.Min(place, options.Stages - 1) });
    }

    private static IOrderedEnumerable<Pair> EasiestFirst(IEnumerable<Pair> pairs) =>
        pairs.OrderByDescending(pair => pair.Gap).ThenBy(pair => pair.Prompt).ThenBy(pair => pair.Chosen).ThenBy(pair => pair.Rejected);

    private static Example Row(Example row, Pair pair)
    {
        var columns = new JsonObject(row.Columns.Where(column => column.Key is not ("answers" or "scores" or "difficulty")).Select(column => KeyValuePair.Create(column.Key, column.Value?.DeepClone())))
        {
            ["chosen"] = row.Columns["answers"]![pair.Chosen]!.DeepClone(),
            ["rejected"] = row.Columns["answers"]![pair.Rejected]!.DeepClone(),
            ["chosen_score"] = row.Columns["scores"]![pair.Chosen]!.DeepClone(),
            ["rejected_score"] = row.Columns["scores"]![pair.Rejected]!.DeepClone(),
            ["stage"] = (double)pair.Stage,
            ["gap"] = pair.Gap,
        };
        return new Example((((row.Index * MostAnswers) + pair.Chosen) * MostAnswers) + pair.Rejected, columns);
    }

    private static double[] Numbers(Example row, string column) => [.. List(row, column, "numbers", item => (object?)Example.AsNumber(item)).Cast<double>()];

    private static T[] List<T>(Example row, string column, string what, Func<JsonNode?, T?> read)
        where T : class =>
        row.Columns[column] is JsonArray list && list.All(item => read(item) is not null) ? [.. list.Select(item => read(item)!)]
            : throw new PlumblineException($"row {row.Index} of the data has no list '{column}' of {what}; it has {string.Join(", ", row.Columns.Select(pair => pair.Key))}");
}
