using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Plumbline.Training;

/// <summary>How the items of a list meet the model.</summary>
public enum ListLayout
{
    /// <summary>One after the other in one completion: an item is scored in the context of those before it.</summary>
    InContext,

    /// <summary>Each as a completion of its own.</summary>
    Separate,
}

/// <summary>A prompt with a list of items in tokens.</summary>
internal sealed record ItemList
{
    /// <summary>The row, with a list for each number that all of its items have.</summary>
    internal required Example Example { get; init; }

    /// <summary>One sequence in context; else one an item, less those that did not fit.</summary>
    internal required IReadOnlyList<PromptedSequence> Sequences { get; init; }

    /// <summary>The item of each completion token of each sequence, -1 where it belongs to none.</summary>
    internal required IReadOnlyList<int[]> ItemIds { get; init; }

    /// <summary>Graded relevance of each item, 0 where it is not marked.</summary>
    internal required double[] Relevance { get; init; }

    /// <summary>Place of each item in the feedback, from 1.</summary>
    internal required long[] Ranks { get; init; }

    /// <summary>Tokens of each item; 0 for one that was truncated away.</summary>
    internal long[] Lengths => [.. Enumerable.Range(0, Relevance.Length).Select(item => ItemIds.Sum(ids => ids.LongCount(id => id == item)))];
}

/// <summary>Turns rows with <c>prompt</c> and <c>items</c> into the lists a loop trains on.</summary>
/// <remarks>
/// An item that does not fit whole is not there: a part of it would look likelier than it is. Where the policy is to truncate, first the prompt is
/// shortened, then items are left out, from the end in context; a list without any item left is left out.
/// </remarks>
internal sealed class ItemListBuilder(ICausalModel model, ListLayout layout, string separator, int? maxLength, OverlongPolicy overlong)
{
    private readonly SequenceBuilder _builder = new(model, maxLength, overlong);

    internal List<ItemList> Build(IReadOnlyList<Example> examples, ILogger log)
    {
        if (examples.Count == 0)
        {
            throw new PlumblineException("the data set has no lists to learn from");
        }

        List<ItemList> built = [.. examples.Select(Build).OfType<ItemList>()];
        if (built.Count < examples.Count)
        {
            log.LogWarning("left out {Dropped} of {Count} lists longer than {MaxLength} tokens", examples.Count - built.Count, examples.Count, _builder.MaxLength);
        }

        return built.Count > 0 ? built : throw new PlumblineException($"none of the {examples.Count} lists fits into {_builder.MaxLength} tokens; raise max_length or the model's context_length");
    }

    /// <summary>A list, or null where it is to be left out.</summary>
    private ItemList? Build(Example example)
    {
        var items = Items(example);
        var (prompt, answers) = (_builder.Prompt(example), Answers(example, items));
        var longest = answers.Max(answer => answer.Tokens.Count);
        if (prompt.Length + longest > _builder.MaxLength)
        {
            switch (overlong)
            {
                case OverlongPolicy.Refuse:
                    throw new PlumblineException(
                        $"row {example.Index} of the data is {prompt.Length + longest} tokens long, and the longest sequence is {_builder.MaxLength}; raise max_length or context_length, or set overlong to \"drop\" or \"truncate_prompt\"");
                case OverlongPolicy.Drop:
                    return null;
                default:
                    prompt = _builder.Last(prompt, Math.Max(1, _builder.MaxLength - longest));
                    answers = [.. answers.Select(answer => Cut(answer, _builder.MaxLength - prompt.Length)).Where(answer => answer.Items.Exists(item => item >= 0))];
                    break;
            }
        }

        return answers.Count == 0 ? null : new ItemList
        {
            Example = WithNumbers(example, items),
            Sequences = [.. answers.Select(answer => new PromptedSequence(prompt, [.. answer.Tokens]))],
            ItemIds = [.. answers.Select(answer => answer.Items.ToArray())],
            Relevance = [.. items.Select(item => Number(item, "relevance") ?? 0)],
            Ranks = [.. items.Select((item, place) => Rank(example, item, place))],
        };
    }

    private List<(List<int> Tokens, List<int> Items)> Answers(Example example, JsonObject[] items)
    {
        var tokenizer = model.Tokenizer;
        var answers = new List<(List<int> Tokens, List<int> Items)>();
        for (var i = 0; i < items.Length; i++)
        {
            if (layout == ListLayout.Separate || i == 0)
            {
                answers.Add(([], []));
            }
            else
            {
                Add(answers[^1], tokenizer.Encode(separator), -1);
            }

            var text = items[i]["text"] is JsonValue value && value.TryGetValue<string>(out var found) ? found
                : throw new PlumblineException($"item {i} of row {example.Index} of the data has no text 'text'; it has {string.Join(", ", items[i].Select(pair => pair.Key))}");
            var tokens = layout == ListLayout.Separate ? _builder.Completion(text) : tokenizer.Encode(text);
            Add(answers[^1], tokens.Length > 0 ? tokens : throw new PlumblineException($"item {i} of row {example.Index} of the data has an empty text: there is nothing to score"), i);
        }

        if (layout == ListLayout.InContext && tokenizer.EosId is { } end)
        {
            Add(answers[0], [end], -1);
        }

        return answers;

        static void Add((List<int> Tokens, List<int> Items) answer, int[] tokens, int item)
        {
            answer.Tokens.AddRange(tokens);
            answer.Items.AddRange(Enumerable.Repeat(item, tokens.Length));
        }
    }

    /// <summary>The first tokens of an answer; an item that is not whole is no item.</summary>
    private static (List<int> Tokens, List<int> Items) Cut((List<int> Tokens, List<int> Items) answer, int room)
    {
        if (answer.Tokens.Count <= room)
        {
            return answer;
        }

        var lost = answer.Items.Skip(room).Where(item => item >= 0).ToHashSet();
        return (answer.Tokens.GetRange(0, room), [.. answer.Items.Take(room).Select(item => lost.Contains(item) ? -1 : item)]);
    }

    private static JsonObject[] Items(Example example) =>
        example.Columns["items"] is JsonArray { Count: > 0 } list && list.All(item => item is JsonObject) ? [.. list.Cast<JsonObject>()]
            : throw new PlumblineException($"row {example.Index} of the data has no list 'items' of objects such as {{ \"text\": …, \"relevance\": 1 }}; it has {string.Join(", ", example.Columns.Select(pair => pair.Key))}");

    private static double? Number(JsonObject item, string name) => Example.AsNumber(item[name]);

    private static long Rank(Example example, JsonObject item, int place) => Number(item, "rank") is not { } rank ? place + 1
        : rank >= 1 && rank == Math.Floor(rank) ? (long)rank
        : throw new PlumblineException($"item {place} of row {example.Index} of the data has the rank {rank}; ranks are whole numbers from 1");

    /// <summary>The row with a column, a list, for each number that all of its items have.</summary>
    private static Example WithNumbers(Example example, JsonObject[] items)
    {
        var columns = (JsonObject)example.Columns.DeepClone();
        foreach (var name in items[0].Select(pair => pair.Key).Where(name => columns[name] is null && items.All(item => Number(item, name) is not null)))
        {
            columns[name] = new JsonArray([.. items.Select(item => item[name]!.DeepClone())]);
        }

        return example with { Columns = columns };
    }
}
