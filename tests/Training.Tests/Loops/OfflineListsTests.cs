using System.Text.Json.Nodes;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class OfflineListsTests
{
    private static readonly Example Whole = Lists.Row(0, "ab", ("cd", 2), ("e", 0), ("fga", 1));

    [Fact]
    public void In_context_an_item_is_the_sum_over_its_own_tokens_in_one_sequence()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        // Between the items an i, which belongs to none, and at the end the end of the sequence.
        var tokens = new SequenceScorer(tiny.Policy).Score([new PromptedSequence([12, 0, 1], [2, 3, 8, 4, 8, 5, 6, 0, 10])]).Logps[0];
        var seen = First(tiny, Whole);
        Near([tokens.narrow(0, 0, 2).sum().ToDouble(), tokens[3].ToDouble(), tokens.narrow(0, 5, 3).sum().ToDouble()], seen.Logps);
        Assert.Equal([2L, 1, 3], seen.Lengths);
        Assert.Equal([1L, 2, 3], seen.Ranks);
        Assert.Equal([2.0, 0, 1], seen.Relevance);
        Near(seen.Logps, seen.ReferenceLogps);
    }

    [Fact]
    public void Separate_items_are_completions_of_their_own_the_end_included()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        PromptedSequence[] answers = [new([12, 0, 1], [2, 3, 10]), new([12, 0, 1], [4, 10]), new([12, 0, 1], [5, 6, 0, 10])];
        var sums = new SequenceScorer(tiny.Policy).Score(answers).Logps.sum(1).to_type(ScalarType.Float64).data<double>().ToArray();
        var seen = First(tiny, Whole, options => options with { Layout = ListLayout.Separate });
        Near(sums, seen.Logps);
        Assert.Equal([3L, 2, 4], seen.Lengths);
    }

    [Theory]
    [InlineData(ListLayout.InContext)]
    [InlineData(ListLayout.Separate)]
    public void Lists_of_unequal_length_are_padded_and_the_mask_tells(ListLayout layout)
    {
        using var tiny = new Tiny();
        var (shorter, alone) = (Lists.Row(1, "c", ("d", 1)), First(tiny, Lists.Row(1, "c", ("d", 1)), options => options with { Layout = layout }));
        var seen = Run(tiny, options => options with { Data = Lists.Data(Whole, shorter), BatchSize = 2, Shuffle = false, Layout = layout })[0];
        Assert.Equal([true, true, true, true, false, false], seen.Mask);
        Near([alone.Logps[0], 0, 0], seen.Logps[3..]);
        Assert.Equal(0, seen.Lengths[4]);
    }

    [Fact]
    public void An_item_that_was_cut_is_masked_and_the_prompt_gives_way_first()
    {
        using var tiny = new Tiny();
        // Prompt 3 (with its beginning) and list 9 (with its end) are 12; at 10 the prompt loses its first letters.
        var shortened = First(tiny, Whole, options => options with { MaxLength = 10, Overlong = OverlongPolicy.TruncatePrompt });
        Assert.Equal([true, true, true], shortened.Mask);
        // At 8 one token of the prompt and seven of the list stay: the last item lost its last letter.
        var cut = First(tiny, Whole, options => options with { MaxLength = 8, Overlong = OverlongPolicy.TruncatePrompt });
        Assert.Equal([true, true, false], cut.Mask);
        Assert.Equal(0, cut.Logps[2]);
        var separate = First(tiny, Whole, options => options with { MaxLength = 4, Overlong = OverlongPolicy.TruncatePrompt, Layout = ListLayout.Separate });
        Assert.Equal([true, true, false], separate.Mask);
    }

    [Fact]
    public void A_list_too_long_is_refused_or_left_out_as_the_policy_says()
    {
        using var tiny = new Tiny();
        Assert.Contains("row 0 of the data is 12 tokens long", Refused(tiny, options => options with { MaxLength = 11 }), StringComparison.Ordinal);
        Assert.Contains("none of the 1 lists fits", Refused(tiny, options => options with { MaxLength = 11, Overlong = OverlongPolicy.Drop }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_that_every_item_has_is_a_column_for_an_objective_that_declares_it()
    {
        using var tiny = new Tiny();
        Assert.Equal([10.0, 20, 30], First(tiny, Whole).Scores!);
    }

    [Fact]
    public void A_given_rank_stands_and_a_missing_relevance_is_zero()
    {
        using var tiny = new Tiny();
        var row = new Example(0, new JsonObject
        {
            ["prompt"] = "a",
            ["items"] = new JsonArray(new JsonObject { ["text"] = "b", ["rank"] = 3 }, new JsonObject { ["text"] = "c", ["relevance"] = 1 }),
        });
        var seen = First(tiny, row);
        Assert.Equal([3L, 2], seen.Ranks);
        Assert.Equal([0.0, 1], seen.Relevance);
        Assert.Null(seen.Scores);
    }

    [Fact]
    public void The_relevant_item_rises_and_the_ranking_with_it()
    {
        using var tiny = new Tiny();
        var data = Lists.Data(Whole, Lists.Row(1, "b", ("hh", 0), ("c", 2), ("dj", 0)));
        double Ndcg() => new ListRanking(new ListRankingOptions { Data = data, Separator = "i", TopK = 1 }).Evaluate(tiny.Stage, CancellationToken.None)["ndcg"];
        tiny.Recorder.Metrics.Clear();
        Run(tiny, options => options with { Data = data, BatchSize = 2, Steps = 40, LearningRate = 0.02 });
        Assert.True(tiny.Recorder.Metrics[^1]["loss"] < tiny.Recorder.Metrics[0]["loss"] - 0.5);
        Assert.True(tiny.Recorder.Metrics[^1]["relevant_logps"] - tiny.Recorder.Metrics[^1]["other_logps"] > tiny.Recorder.Metrics[0]["relevant_logps"] - tiny.Recorder.Metrics[0]["other_logps"]);
        Assert.Equal(1, Ndcg());
    }

    [Fact]
    public void List_ranking_does_not_depend_on_the_batch_and_passes_over_lists_without_a_relevant_item()
    {
        using var tiny = new Tiny();
        var (second, nothing) = (Lists.Row(1, "b", ("hh", 0), ("c", 2), ("dj", 1)), Lists.Row(2, "b", ("c", 0)));
        IReadOnlyDictionary<string, double> Measure(int batch, params Example[] rows) =>
            new ListRanking(new ListRankingOptions { Name = "lists", Data = Lists.Data(rows), Separator = "i", TopK = 1, BatchSize = batch }).Evaluate(tiny.Stage, CancellationToken.None);
        Assert.Equal(["lists_ndcg", "lists_mrr", "lists_recall"], Measure(2, Whole, second).Keys);
        Assert.Equal(Measure(2, Whole, second), Measure(1, Whole, second, nothing));
        Assert.Contains("no list", Assert.Throws<PlumblineException>(() => Measure(1, nothing)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_needs_a_reference_none_is_kept()
    {
        using var tiny = new Tiny();
        var names = Run(tiny, objective: new ListPreference(Needs.None))[0].Names;
        Assert.DoesNotContain("reference_item_logps", names);
        Assert.Equal(["policy"], tiny.Run.Models.Roles);
    }

    [Fact]
    public void What_the_loop_does_not_compute_is_refused_by_name()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => Run(tiny, objective: new ListPreference(Needs.ReferenceHiddenStates)));
        Assert.Contains("needs ReferenceHiddenStates", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "prompt": "a" }""", "no list 'items'")]
    [InlineData("""{ "prompt": "a", "items": [] }""", "no list 'items'")]
    [InlineData("""{ "prompt": "a", "items": [ { "relevance": 1 } ] }""", "item 0 of row 4 of the data has no text 'text'")]
    [InlineData("""{ "prompt": "a", "items": [ { "text": "b" }, { "text": "" } ] }""", "item 1 of row 4 of the data has an empty text")]
    [InlineData("""{ "prompt": "a", "items": [ { "text": "b", "rank": 0 } ] }""", "has the rank 0")]
    public void A_row_that_is_no_list_is_refused(string json, string message)
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => First(tiny, new Example(4, (JsonObject)JsonNode.Parse(json)!)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static string Refused(Tiny tiny, Func<OfflineListsOptions, OfflineListsOptions> change) =>
        Assert.Throws<PlumblineException>(() => First(tiny, Whole, change)).Message;

    private static ListPreference.Seen First(Tiny tiny, Example row, Func<OfflineListsOptions, OfflineListsOptions>? change = null) =>
        Run(tiny, options => (change?.Invoke(options) ?? options) with { Data = Lists.Data(row) })[0];

    private static List<ListPreference.Seen> Run(Tiny tiny, Func<OfflineListsOptions, OfflineListsOptions>? change = null, ListPreference? objective = null)
    {
        objective ??= new ListPreference();
        tiny.Recorder.Metrics.Clear();
        var options = new OfflineListsOptions { Objective = objective.Part, Data = Lists.Data(Whole), Steps = 1, BatchSize = 1, LearningRate = 1e-9, Separator = "i" };
        new OfflineLists(change?.Invoke(options) ?? options, tiny.Stage).Run(CancellationToken.None);
        return objective.Batches;
    }

    private static void Near(double[] expected, double[] actual) => Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
}
