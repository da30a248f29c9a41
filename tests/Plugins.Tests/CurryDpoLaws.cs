using System.Text.Json.Nodes;
using Plumbline.Plugins.CurryDpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class CurryDpoLaws
{
    [Fact]
    public void A_policy_equal_to_the_reference_has_loss_log_2() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var still = batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps));
        Given.Same(Math.Log(2), new CurryDpo(new CurryDpoOptions()).Compute(still).Value);
    });

    [Fact]
    public void One_pair_and_one_stage_is_best_against_worst_of_every_prompt() => Given.AnyBatch(random =>
    {
        var scores = Scores(random);
        var pairs = Pairs(scores, new CurriculumOptions { PairsPerPrompt = 1, Stages = 1 });
        Assert.Equal(Enumerable.Range(0, scores.Length).Where(prompt => scores[prompt].Max() > scores[prompt].Min()), pairs.Select(pair => pair.Prompt).Order());
        Assert.All(pairs, pair =>
        {
            var ratings = scores[pair.Prompt];
            Assert.Equal((Array.IndexOf(ratings, ratings.Max()), Array.IndexOf(ratings, ratings.Min())), (pair.Chosen, pair.Rejected));
        });
    });

    [Fact]
    public void Stages_never_fall_and_within_one_the_gaps_never_rise() => Given.AnyBatch(random =>
    {
        foreach (var ordering in Enum.GetValues<CurriculumOrdering>())
        {
            var pairs = Pairs(Scores(random), new CurriculumOptions { Ordering = ordering, Pairing = Pairing.All, PairsPerPrompt = random.Next(0, 5), Stages = random.Next(1, 5) });
            Assert.All(pairs.Zip(pairs.Skip(1)), next => Assert.True(
                next.First.Stage < next.Second.Stage || (next.First.Stage == next.Second.Stage && next.First.Gap >= next.Second.Gap)));
        }
    });

    [Fact]
    public void Prompt_wise_the_gaps_of_a_prompt_never_rise_from_stage_to_stage() => Given.AnyBatch(random =>
    {
        var pairs = Pairs(Scores(random), new CurriculumOptions { PairsPerPrompt = random.Next(0, 5) });
        Assert.All(pairs.GroupBy(pair => pair.Prompt), prompt => Assert.Equal(prompt.OrderByDescending(pair => pair.Gap).Select(pair => pair.Gap), prompt.OrderBy(pair => pair.Stage).Select(pair => pair.Gap)));
    });

    [Fact]
    public void The_better_rated_answer_is_always_the_chosen_one() => Given.AnyBatch(random =>
    {
        var (scores, gap) = (Scores(random), random.NextDouble());
        double[][] difficulty = [.. scores.Select(ratings => ratings.Select(_ => random.NextDouble()).ToArray())];
        var options = new CurriculumOptions { Pairing = Pairing.All, PairsPerPrompt = 0, MinGap = gap };
        Assert.All(Pairs(scores, options, difficulty), pair => Assert.True(scores[pair.Prompt][pair.Chosen] - scores[pair.Prompt][pair.Rejected] > gap));
        // The difficulty decides the order alone.
        Assert.Equal(
            Pairs(scores, options).Select(pair => (pair.Prompt, pair.Chosen, pair.Rejected)).Order(),
            Pairs(scores, options, difficulty).Select(pair => (pair.Prompt, pair.Chosen, pair.Rejected)).Order());
    });

    [Fact]
    public void Rows_become_pairs_with_their_texts_scores_stage_and_gap()
    {
        var rows = new Curriculum(new CurriculumOptions()).Apply([Row(7, "q", ("fair", 2), ("good", 3), ("bad", 1))], new Draws(1), CancellationToken.None);
        Assert.Equal(["good>bad@0:2", "good>fair@1:1"], rows.Select(row => FormattableString.Invariant($"{row.Text("chosen")}>{row.Text("rejected")}@{row.FindNumber("stage")}:{row.FindNumber("gap")}")));
        Assert.All(rows, row => Assert.Equal(("q", "here", 3.0), (row.Text("prompt"), row.Text("source"), row.FindNumber("chosen_score"))));
        Assert.DoesNotContain("answers", rows[0].Columns.Select(column => column.Key));
    }

    [Fact]
    public void A_pairs_index_does_not_depend_on_the_other_rows()
    {
        Example[] rows = [Row(3, "a", ("x", 1), ("y", 2)), Row(5, "b", ("x", 1), ("y", 2), ("z", 4))];
        var curriculum = new Curriculum(new CurriculumOptions());
        var (both, one) = (curriculum.Apply(rows, new Draws(1), CancellationToken.None), curriculum.Apply(rows[1..], new Draws(1), CancellationToken.None));
        Assert.Equal(both.Count, both.Select(row => row.Index).Distinct().Count());
        Assert.Equal(both.Where(row => row.Text("prompt") == "b").Select(row => row.Index), one.Select(row => row.Index));
    }

    [Fact]
    public void Data_without_a_single_pair_is_refused() => Assert.Contains(
        "give no pair",
        Assert.Throws<PlumblineException>(() => new Curriculum(new CurriculumOptions()).Apply([Row(0, "q", ("x", 2), ("y", 2))], new Draws(1), CancellationToken.None)).Message,
        StringComparison.Ordinal);

    private static Example Row(long index, string prompt, params (string Text, double Score)[] answers) => new(index, new JsonObject
    {
        ["prompt"] = prompt,
        ["source"] = "here",
        ["answers"] = new JsonArray([.. answers.Select(answer => (JsonNode)answer.Text)]),
        ["scores"] = new JsonArray([.. answers.Select(answer => (JsonNode)answer.Score)]),
    });

    private static (int Prompt, int Chosen, int Rejected, int Stage, double Gap)[] Pairs(double[][] scores, CurriculumOptions options, double[][]? difficulty = null)
    {
        var pairs = new Curriculum(options).Pairs(scores, difficulty);
        long[] Of(string name) => pairs.Tensor(name).data<long>().ToArray();
        var (prompts, chosen, rejected, stages, gaps) = (Of("prompt_ids"), Of("chosen_index"), Of("rejected_index"), Of("stage"), pairs.Tensor("gap").data<double>().ToArray());
        return [.. gaps.Select((gap, i) => ((int)prompts[i], (int)chosen[i], (int)rejected[i], (int)stages[i], gap))];
    }

    /// <summary>Whole ratings, so that ties are frequent.</summary>
    private static double[][] Scores(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Enumerable.Range(0, random.Next(1, 6)).Select(_ => (double)random.Next(1, 6)).ToArray())];
}
