using System.Text.Json.Nodes;
using Plumbline.Plugins.ExactAnswer;

namespace Plumbline.Tests;

public sealed class ExactAnswerTests
{
    [Theory]
    [InlineData("46", "46", true)]
    [InlineData(" 46\n", "46", true)]
    [InlineData("46.", "46", true)]
    [InlineData("46.0", "46", true)]
    [InlineData("1,000", "1000", true)]
    [InlineData("1000.0", "1,000", true)]
    [InlineData("$1,000.50.", "1000.5", true)]
    [InlineData("$ 5", "5", true)]
    [InlineData("50%", "50", true)]
    [InlineData("-3", "-3", true)]
    [InlineData("-$3.00", "-3", true)]
    [InlineData("+3", "3", true)]
    [InlineData(".5", "0.50", true)]
    [InlineData("1e3", "1000", true)]
    [InlineData("0.1", "0.10000000000000000000", true)]
    [InlineData("3", "-3", false)]
    [InlineData("46", "47", false)]
    [InlineData("46.1", "46", false)]
    [InlineData("4 6", "46", false)]
    [InlineData("the answer is 46", "46", false)]
    [InlineData("", "46", false)]
    [InlineData(".", "0", false)]
    [InlineData("$", "0", false)]
    [InlineData("Paris", "Paris", true)]
    [InlineData("paris", "Paris", false)]
    [InlineData("1e400", "1e400", true)]
    [InlineData("1e400", "1e401", false)]
    public void Answers_are_compared_as_numbers_where_both_are_else_as_text(string answer, string right, bool same) =>
        Assert.Equal(same ? 1 : 0, Score(new(), answer, right));

    [Theory]
    [InlineData("so 3 + 4 = 7\n#### 7", 1)]
    [InlineData("#### 3 no, #### 7", 1)]
    [InlineData("#### 7 no, #### 3", 0)]
    [InlineData("7", 0)]
    [InlineData("####", 0)]
    public void The_final_answer_follows_the_last_marker(string text, double score) =>
        Assert.Equal(score, Score(new() { Marker = "####" }, text, "7"));

    [Fact]
    public void Compared_as_text_only_the_same_letters_are_right()
    {
        Assert.Equal(0, Score(new() { Numeric = false }, "46.0", "46"));
        Assert.Equal(1, Score(new() { Numeric = false }, " 46 ", "46"));
    }

    [Fact]
    public void Right_and_wrong_have_the_scores_asked_for()
    {
        var options = new ExactAnswerOptions { Correct = 2, Wrong = -0.5 };
        Assert.Equal((2, -0.5), (Score(options, "1", "1"), Score(options, "2", "1")));
    }

    [Fact]
    public void The_right_answer_may_be_a_number_in_another_column()
    {
        var reward = new ExactAnswer(new() { Column = "gold" });
        Assert.Equal(1, reward.Score(Rollout("46", new JsonObject { ["gold"] = 46.0 })));
        Assert.Equal(0, reward.Score(Rollout("47", new JsonObject { ["gold"] = 46 })));
    }

    [Fact]
    public void A_row_without_an_answer_is_refused_by_name()
    {
        var error = Assert.Throws<PlumblineException>(() => new ExactAnswer(new()).Score(Rollout("46", new JsonObject { ["prompt"] = "p" })));
        Assert.Contains("no text 'answer'; it has prompt", error.Message, StringComparison.Ordinal);
    }

    private static double Score(ExactAnswerOptions options, string text, string right) =>
        new ExactAnswer(options).Score(Rollout(text, new JsonObject { ["answer"] = right }));

    private static Rollout Rollout(string text, JsonObject columns) => new()
    {
        Example = new Example(0, columns),
        GroupId = 0,
        Sample = 0,
        Prompt = [1],
        Completion = [1],
        Logps = [0],
        Text = text,
        Truncated = false,
    };
}
