using Plumbline.Host.Claims;

namespace Plumbline.Tests.Host.Claims;

public sealed class ClaimExpressionTests
{
    [Theory]
    [InlineData("[a.x] - [b.x] * 2", 3 - (5 * 2))]
    [InlineData("([a.x] - [b.x]) / 4", -0.5)]
    [InlineData("1 / 2 + Abs(-[a.x])", 3.5)]
    [InlineData("Max([a.x], [b.x]) - Min([a.x], [b.x])", 2)]
    [InlineData("Log(Exp([a.x])) + Sqrt(16) + Pow([a.x], 2)", 3 + 4 + 9)]
    public void An_expression_is_computed_over_what_its_names_stand_for(string text, double expected) =>
        Assert.Equal(expected, ClaimExpression.Parse(text).Evaluate(name => name.Arm == "a" ? 3 : 5), 12);

    [Theory]
    [InlineData("[a.x] +", "is no expression")]
    [InlineData("Abs([a.x)", "is no expression")]
    [InlineData("Ab([a.x])", "did you mean Abs?")]
    [InlineData("Log([a.x], 2)", "exactly 1 argument")]
    [InlineData("Min([a.x])", "exactly 2 arguments")]
    [InlineData("[a.x] > 2", "gives no number")]
    [InlineData("'three'", "gives no number")]
    [InlineData("[x]", "[x] names nothing measured")]
    [InlineData("x + 1", "[x] names nothing measured")]
    [InlineData("[a.metrics.loss]", "does not say what to make of the steps")]
    [InlineData("[a.metrics.loss.at]", "does not say what to make of the steps")]
    public void What_can_never_be_computed_is_refused_with_the_reason(string text, string reason) =>
        Assert.Contains(reason, Assert.ThrowsAny<PlumblineException>(() => ClaimExpression.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a.reward", "reward", null, null, null, null)]
    [InlineData("a.gold exact-answer@sft", "gold exact-answer", null, null, null, "sft")]
    [InlineData("a.pass@1", "pass@1", null, null, null, null)]
    [InlineData("a.pass@1@start", "pass@1", null, null, null, "start")]
    [InlineData("a.metrics.loss.last", "loss", "metrics", "last", null, null)]
    [InlineData("a.metrics.reward.exact-answer.last.10", "reward.exact-answer", "metrics", "last", 10, null)]
    [InlineData("a.metrics.loss.at.0", "loss", "metrics", "at", 0, null)]
    [InlineData("a.timings.seconds.median@simpo", "seconds", "timings", "median", null, "simpo")]
    public void A_name_says_what_is_read_and_where(string text, string name, string? steps, string? how, int? count, string? stage)
    {
        var parsed = Assert.Single(ClaimExpression.Parse($"[{text}]").Names);
        Assert.Equal(("a", name, steps, how, count, stage), (parsed.Arm, parsed.Name, parsed.Steps, parsed.How, parsed.Count, parsed.Stage));
    }
}
