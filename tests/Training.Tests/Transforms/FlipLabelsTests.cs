using System.Text.Json.Nodes;
using Plumbline.Training;

namespace Plumbline.Tests.Transforms;

public sealed class FlipLabelsTests
{
    private static readonly Draws Draws = new(3);

    [Fact]
    public void A_flipped_pair_has_its_sides_swapped_with_all_their_columns_and_says_so()
    {
        var row = Assert.Single(Apply(1, Row(0)));
        Assert.Equal(("bad", "good", "p"), (row.Text("chosen"), row.Text("rejected"), row.Text("prompt")));
        Assert.Equal((1.0, 4.0), (row.FindNumber("chosen_score"), row.FindNumber("rejected_score")));
        Assert.True(row.Columns["flipped"]!.GetValue<bool>());
    }

    [Fact]
    public void A_kept_pair_is_as_before_and_says_so()
    {
        var row = Assert.Single(Apply(0, Row(0)));
        Assert.Equal("""{"prompt":"p","chosen":"good","rejected":"bad","chosen_score":4,"rejected_score":1,"flipped":false}""", row.Columns.ToJsonString());
    }

    [Fact]
    public void Flipping_twice_gives_the_label_back()
    {
        var row = Assert.Single(Apply(1, Assert.Single(Apply(1, Row(0)))));
        Assert.Equal("good", row.Text("chosen"));
        Assert.False(row.Columns["flipped"]!.GetValue<bool>());
    }

    [Fact]
    public void The_share_of_flips_is_the_rate_and_which_rows_are_flipped_does_not_depend_on_their_order()
    {
        Example[] rows = [.. Enumerable.Range(0, 4000).Select(Row)];
        var flipped = Flipped(Apply(0.3, rows));
        Assert.InRange(flipped.Count / 4000.0, 0.27, 0.33);
        Assert.Equal(flipped.Where(index => index < 3990), Flipped(Apply(0.3, [.. rows.Reverse().Skip(10)])));
    }

    private static List<long> Flipped(IReadOnlyList<Example> rows) => [.. rows.Where(row => row.Columns["flipped"]!.GetValue<bool>()).Select(row => row.Index).Order()];

    private static IReadOnlyList<Example> Apply(double rate, params Example[] rows) =>
        new FlipLabels(new FlipLabelsOptions { FlipRate = rate }).Apply(rows, Draws, CancellationToken.None);

    private static Example Row(int index) => new(index, new JsonObject
    {
        ["prompt"] = "p", ["chosen"] = "good", ["rejected"] = "bad", ["chosen_score"] = 4, ["rejected_score"] = 1,
    });
}
