using System.Text.Json.Nodes;
using Plumbline.Plugins.SubsetSelection;

namespace Plumbline.Tests.Plugins;

public sealed class SubsetSelectionLaws
{
    private static readonly ScoreRule[] All = Enum.GetValues<ScoreRule>();
    private static readonly ScoreRule[] Additive = [ScoreRule.Sntv, ScoreRule.Bloc, ScoreRule.Borda];

    [Fact]
    public void For_additive_rules_item_by_item_is_as_good_as_all_sets() => Given.AnyBatch(random =>
    {
        var (rankings, groups, k) = Any(random);
        var quotas = SubsetSelection.QuotasOf(groups, k, new QuotaOptions());
        Assert.All(Additive, rule => Assert.Equal(
            SubsetSelection.Exact(rankings, groups, k, rule, quotas.Lower, quotas.Upper).Score, SubsetSelection.Greedy(rankings, groups, k, rule, quotas.Lower, quotas.Upper).Score, 1e-9));
    });

    [Fact]
    public void Without_quotas_item_by_item_is_never_worse_than_its_bound() => Given.AnyBatch(random =>
    {
        var (rankings, groups, k) = Any(random);
        Assert.All(All, rule => Assert.True(
            SubsetSelection.Greedy(rankings, groups, k, rule).Score >= ((1 - (1 / Math.E)) * SubsetSelection.Exact(rankings, groups, k, rule).Score) - 1e-9));
    });

    [Fact]
    public void An_item_more_never_lowers_a_score_and_gains_less_in_a_larger_set() => Given.AnyBatch(random =>
    {
        var (rankings, _, k) = Any(random);
        var items = Shuffled(random, rankings.Items);
        var (small, large, item) = (items[..1], items[..3], items[3]);
        Assert.All(All, rule =>
        {
            double F(params int[] set) => SubsetSelection.Score(rankings, set, rule, k);
            var (gainOfSmall, gainOfLarge) = (F([.. small, item]) - F(small), F([.. large, item]) - F(large));
            Assert.True(gainOfLarge >= -1e-12);
            Assert.True(gainOfSmall >= gainOfLarge - 1e-12);
        });
    });

    [Fact]
    public void No_bias_is_no_bias() => Given.AnyBatch(random =>
    {
        var (utilities, groups) = (Enumerable.Range(0, 6).Select(_ => random.NextDouble()).ToArray(), new[] { 0, 1, 0, 1, 1, 0 });
        var free = Rankings.ByValue(utilities);
        Assert.Equal(free, BiasedRankings.OfVoter(utilities, groups, new BiasOptions { Beta = 1 }, null, null));
        Assert.Equal(free, BiasedRankings.OfVoter(utilities, groups, new BiasOptions { Model = BiasModel.Additive, Shift = 0 }, null, null));
        Assert.Equal(free, BiasedRankings.OfVoter(utilities, groups, new BiasOptions { Model = BiasModel.Swap, SwapProbability = 0 }, null, new double[5]));
    });

    [Fact]
    public void Quotas_that_bind_nothing_choose_freely() => Given.AnyBatch(random =>
    {
        var (rankings, groups, k) = Any(random);
        int[] lower = new int[groups.Max() + 1], upper = [.. lower.Select(_ => k)];
        Assert.All(All, rule => Assert.Equal(SubsetSelection.Greedy(rankings, groups, k, rule).Subset, SubsetSelection.Greedy(rankings, groups, k, rule, lower, upper).Subset));
    });

    [Fact]
    public void Quotas_are_kept() => Given.AnyBatch(random =>
    {
        var (rankings, groups, k) = Any(random);
        var quotas = SubsetSelection.QuotasOf(groups, k, new QuotaOptions { Kind = QuotaKind.Equal });
        Assert.All(All, rule =>
        {
            var subset = SubsetSelection.Greedy(rankings, groups, k, rule, quotas.Lower, quotas.Upper).Subset;
            Assert.Equal(k, subset.Distinct().Count());
            Assert.All(quotas.Lower.Select((least, group) => (least, group)), pair => Assert.True(subset.Count(item => groups[item] == pair.group) >= pair.least));
        });
    });

    [Fact]
    public void A_reference_has_quality_1_and_rankings_agree_with_themselves() => Given.AnyBatch(random =>
    {
        var (rankings, groups, k) = Any(random);
        Assert.All(All, rule =>
        {
            var reference = SubsetSelection.Greedy(rankings, groups, k, rule).Subset;
            Assert.Equal(1, SubsetSelection.Quality(rankings, reference, [.. reference.Reverse()], rule), 1e-12);
            Assert.Equal(1, SubsetSelection.OrderAgreement(rankings, rankings, groups, k, rule).Agreement);
        });
    });

    [Fact]
    public void The_order_of_voters_changes_nothing() => Given.AnyBatch(random =>
    {
        var rows = Rows(random, 5, 7);
        var (rankings, other) = (new Rankings(rows), new Rankings([.. Shuffled(random, 5).Select(voter => rows[voter])]));
        int[] groups = [0, 1, 0, 1, 0, 1, 0];
        Assert.All(All, rule => Assert.Equal(SubsetSelection.Greedy(rankings, groups, 3, rule).Subset, SubsetSelection.Greedy(other, groups, 3, rule).Subset));
    });

    [Fact]
    public void Rows_are_chosen_within_their_lots_with_quotas_by_their_groups()
    {
        Example Row(long index, string prompt, string source, double a, double b) => new(index, new JsonObject { ["prompt"] = prompt, ["source"] = source, ["a"] = a, ["b"] = b });
        Example[] rows =
        [
            Row(0, "p", "new", 0.9, 0.8), Row(1, "p", "new", 0.8, 0.9), Row(2, "p", "old", 0.1, 0.3), Row(3, "p", "old", 0.2, 0.1), Row(4, "q", "new", 1, 1),
        ];
        var transform = new SelectedRows(new SubsetSelectionOptions { Scores = ["a", "b"], K = 2, Within = "prompt", Group = "source", Quotas = QuotaKind.Equal });
        var chosen = transform.Apply(rows, new Draws(0), CancellationToken.None);
        Assert.Equal([0, 2, 4], chosen.Select(row => row.Index));
        Assert.Equal([0, 1, 0], chosen.Select(row => (int)row.FindNumber("selected")!));
        var free = new SelectedRows(new SubsetSelectionOptions { Scores = ["a", "b"], K = 2 }).Apply(rows, new Draws(0), CancellationToken.None);
        Assert.Equal([0, 4], free.Select(row => row.Index).Order());
        var refused = Assert.Throws<PlumblineException>(() => new SelectedRows(new SubsetSelectionOptions { Scores = ["c"], K = 2 }).Apply(rows, new Draws(0), CancellationToken.None));
        Assert.Contains("'c'", refused.Message, StringComparison.Ordinal);
    }

    private static (Rankings Rankings, int[] Groups, int K) Any(Random random)
    {
        var items = random.Next(5, 9);
        return (new Rankings(Rows(random, random.Next(1, 6), items)), [.. Enumerable.Range(0, items).Select(item => item % 2)], random.Next(1, items));
    }

    private static int[][] Rows(Random random, int voters, int items) => [.. Enumerable.Range(0, voters).Select(_ => Shuffled(random, items))];

    private static int[] Shuffled(Random random, int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        random.Shuffle(order);
        return order;
    }
}
