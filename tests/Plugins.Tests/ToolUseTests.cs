using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Plugins.Calculator;
using Plumbline.Tests.Plugins.Runs;
using Plumbline.Training.Environments;
using TorchSharp;

namespace Plumbline.Tests.Plugins;

/// <summary>Tools as an environment.</summary>
public sealed class ToolUseTests
{
    [Theory]
    [InlineData("2*(3+4)", "14")]
    [InlineData(" 12 + 34 ", "46")]
    [InlineData("-2 - -3", "1")]
    [InlineData("1/4", "0.25")]
    [InlineData("2-3-4", "-5")]
    [InlineData("8/4/2", "1")]
    [InlineData("1/0", "no finite number")]
    [InlineData("", "'' ends too early")]
    [InlineData("2+", "'2+' ends too early")]
    [InlineData("(2", "'(2' lacks a closing bracket")]
    [InlineData("2 3", "'2 3' can't be read from '3' on")]
    [InlineData("cat", "'cat' can't be read from 'cat' on")]
    public void The_calculator_works_out_or_says_why_not(string expression, string answer) => Assert.Equal(answer, new Calculator().Call(expression));

    [Fact]
    public void The_calculator_survives_any_depth() => Assert.Contains("too many brackets", new Calculator().Call(new string('(', 100_000)), StringComparison.Ordinal);

    [Fact]
    public void A_question_is_answered_with_the_help_of_a_call()
    {
        var harness = new EpisodeHarness(Made());
        var start = harness.Reset(3).Observation;
        var question = start.Text.Split('\n')[0];
        Assert.Contains("calculator[…]: works out an expression", start.Text, StringComparison.Ordinal);
        Assert.Null(start.LegalActions);
        var sum = new Calculator().Call(question.TrimEnd('='));
        var trace = harness.Trace(3, [$"Calculator[{question.TrimEnd('=')}]", "telephone[mother]", $"answer[ {sum} ]"]);
        Assert.Equal([true, false, true], trace.Valid);
        Assert.Equal([0.0, 0.0, 1.0], trace.Rewards);
        Assert.Equal([false, false, true], trace.Terminated);
        Assert.True(trace.Success);
        Assert.EndsWith($" = {sum}", trace.Observations[1], StringComparison.Ordinal);
        // What can't be called changes nothing.
        Assert.Equal(trace.StateKeys[1], trace.StateKeys[2]);
        Assert.Equal(trace.Observations, harness.Trace(3, [$"Calculator[{question.TrimEnd('=')}]", "telephone[mother]", $"answer[ {sum} ]"]).Observations);
        Assert.False(harness.Trace(3, ["answer[-1]"]).Success);
    }

    [Fact]
    public void An_episode_is_cut_at_its_limit_and_a_clone_goes_its_own_way()
    {
        var episode = Made().Reset(0);
        var clone = episode.Clone();
        var outcomes = Enumerable.Range(0, 3).Select(_ => episode.Step("calculator[1+1]")).ToArray();
        Assert.Equal([false, false, true], outcomes.Select(outcome => outcome.Truncated));
        Assert.DoesNotContain("1+1", clone.Observation.Text, StringComparison.Ordinal);
        Assert.Contains("after the end", Assert.Throws<InvalidOperationException>(() => episode.Step("answer[2]")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_tools_of_one_name_are_refused() =>
        Assert.Contains("another one is", Assert.Throws<PlumblineException>(() => Made("calculator", "calculator")).Message, StringComparison.Ordinal);

    private static ITextEnvironment Made(params string[] tools)
    {
        var part = StageRun.Bind<ITextEnvironment>(new JsonObject
        {
            ["use"] = "tool-use",
            ["data"] = new JsonObject { ["use"] = "arithmetic", ["largest"] = 20, ["held_out"] = 10 },
            ["tools"] = new JsonArray([.. (tools.Length > 0 ? tools : ["calculator"]).Select(tool => (JsonNode)tool)]),
            ["max_steps"] = 3,
        });
        var run = new RunContext { Name = "t", Folder = ".", BaseFolder = ".", Seed = 1, Device = torch.CPU, Dtype = torch.ScalarType.Float32 };
        return part.Create(new ServiceCollection().AddSingleton(run).BuildServiceProvider());
    }
}
