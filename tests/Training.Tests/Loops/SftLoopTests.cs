using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class SftLoopTests
{
    // Begin and end of a sequence; the tokens of a, b, c and d are 0 to 3.
    private const int Bos = 12;

    [Fact]
    public void The_completions_become_likelier()
    {
        using var tiny = new Tiny();
        Run(tiny, Tiny.Words(), options => options with { Steps = 30, BatchSize = 8, LearningRate = 0.02 });
        Assert.True(tiny.Recorder.Metrics[^1]["loss"] < tiny.Recorder.Metrics[0]["loss"] / 2);
    }

    [Fact]
    public void Whole_numbers_among_the_metrics_are_logged()
    {
        using var tiny = new Tiny();
        Run(tiny, Tiny.Data([("prompt", "ab"), ("completion", "cd")]), options => options with { Steps = 1, BatchSize = 1 });
        // Two letters and the end of the sequence.
        Assert.Equal(3, tiny.Recorder.Metrics[0]["tokens"]);
    }

    [Fact]
    public void The_model_reads_begin_prompt_and_completion_without_its_last_token() =>
        Assert.Equal([[Bos, 0, 1, 2, 3]], Reads([("prompt", "ab"), ("completion", "cd")]));

    [Fact]
    public void An_overlong_row_ends_the_run_by_default()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() =>
            Run(tiny, Tiny.Data([("prompt", "ab"), ("completion", "cd")]), options => options with { MaxLength = 5 }));
        Assert.Contains("row 0 of the data is 6 tokens long, and the longest sequence is 5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dropping_keeps_the_rows_that_fit()
    {
        using var tiny = new Tiny();
        Run(tiny, Tiny.Data([("prompt", "ab"), ("completion", "cd")], [("prompt", "a"), ("completion", "b")]), options => options with
        {
            MaxLength = 5, Overlong = OverlongPolicy.Drop, Steps = 1, BatchSize = 1,
        });
        Assert.Equal(2, tiny.Recorder.Metrics[0]["tokens"]);
    }

    [Fact]
    public void When_every_row_is_dropped_the_run_ends()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() =>
            Run(tiny, Tiny.Data([("prompt", "ab"), ("completion", "cd")]), options => options with { MaxLength = 5, Overlong = OverlongPolicy.Drop }));
        Assert.Contains("none of the 1 examples fits into 5 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_prompt_keeps_its_last_tokens_after_the_begin_token() =>
        Assert.Equal(
            [[Bos, 3, 0]],
            Reads([("prompt", "abcd"), ("completion", "a")], options => options with { MaxLength = 4, Overlong = OverlongPolicy.TruncatePrompt }));

    [Fact]
    public void Where_one_prompt_token_fits_it_is_the_last() =>
        Assert.Equal(
            [[3, 0]],
            Reads([("prompt", "abcd"), ("completion", "a")], options => options with { MaxLength = 3, Overlong = OverlongPolicy.TruncatePrompt }));

    [Fact]
    public void A_row_without_its_column_is_refused_by_number_and_name()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => Run(tiny, Tiny.Data([("prompt", "ab"), ("answer", "cd")])));
        Assert.Contains("row 0 of the data has no text 'completion'; it has prompt, answer", error.Message, StringComparison.Ordinal);
    }

    private static long[][] Reads((string, string)[] row, Func<SftLoopOptions, SftLoopOptions>? change = null)
    {
        Watched? watched = null;
        using var tiny = new Tiny(wrap: model => watched = new Watched(model));
        Run(tiny, Tiny.Data(row), options => (change?.Invoke(options) ?? options) with { Steps = 1, BatchSize = 1 });
        return Assert.Single(watched!.Reads);
    }

    private static void Run(Tiny tiny, Part<IData> data, Func<SftLoopOptions, SftLoopOptions>? change = null)
    {
        var options = new SftLoopOptions { Objective = Likelihood.Part, Data = data };
        new SftLoop(change?.Invoke(options) ?? options, tiny.Stage).Run(CancellationToken.None);
    }
}
