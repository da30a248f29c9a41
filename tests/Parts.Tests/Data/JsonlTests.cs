using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Plumbline.Plugins.Jsonl;
using TorchSharp;

namespace Plumbline.Tests;

public sealed class JsonlTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("jsonl");
    private readonly Words _log = new();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Rows_keep_their_fields_and_are_numbered_by_line()
    {
        var train = Load("""
            {"prompt":"a","completion":"b","extra":[1]}

            {"prompt":"c","completion":"d"}
            """).Train;
        Assert.Equal([0, 2], train.Select(row => row.Index));
        Assert.Equal(("a", "b"), (train[0].Text("prompt"), train[0].Text("completion")));
        Assert.Equal("[1]", train[0].Columns["extra"]!.ToJsonString());
    }

    [Fact]
    public void Columns_get_the_names_asked_for() =>
        Assert.Equal(
            ("q", "r"),
            Only("""{"question":"q","answer":"r"}""", options => options with { Columns = Json("""{"question":"prompt","answer":"completion"}""") }, "prompt", "completion"));

    [Fact]
    public void Two_columns_can_change_names() =>
        Assert.Equal(
            ("worse", "better"),
            Only("""{"prompt":"p","chosen":"better","rejected":"worse"}""", options => options with { Columns = Json("""{"chosen":"rejected","rejected":"chosen"}""") }, "chosen", "rejected"));

    [Fact]
    public void A_prompt_is_put_into_its_template() =>
        Assert.Equal(("Q: {p}\nA:", "c"), Only("""{"prompt":"{p}","completion":"c"}""", options => options with { PromptTemplate = "Q: {prompt}\nA:" }, "prompt", "completion"));

    [Fact]
    public void A_transcript_is_split_at_the_last_turn_both_share()
    {
        var row = Load(
            new JsonObject
            {
                ["chosen"] = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: why?\n\nAssistant: because",
                ["rejected"] = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: why?\n\nAssistant: beer",
            }.ToJsonString(),
            options => options with { Format = RowFormat.Transcripts }).Train[0];
        Assert.Equal("\n\nHuman: hi\n\nAssistant: hello\n\nHuman: why?\n\nAssistant:", row.Text("prompt"));
        Assert.Equal((" because", " beer"), (row.Text("chosen"), row.Text("rejected")));
    }

    [Fact]
    public void Transcripts_that_part_before_the_last_turn_are_split_at_the_last_one_they_share()
    {
        var row = Load(
            new JsonObject { ["chosen"] = "\n\nHuman: a\n\nAssistant: x\n\nHuman: b\n\nAssistant: y", ["rejected"] = "\n\nHuman: a\n\nAssistant: x\n\nHuman: c\n\nAssistant: z" }.ToJsonString(),
            options => options with { Format = RowFormat.Transcripts }).Train[0];
        Assert.Equal("\n\nHuman: a\n\nAssistant:", row.Text("prompt"));
        Assert.Equal(" x\n\nHuman: c\n\nAssistant: z", row.Text("rejected"));
    }

    [Theory]
    [InlineData("""{"chosen":"","rejected":""}""")]
    [InlineData("""{"chosen":"\n\nAssistant: a","rejected":"\n\nHuman: a"}""")]
    public void Transcripts_that_share_no_turn_are_refused(string line) =>
        Assert.Contains("share no turn that begins with", Refused(line, options => options with { Format = RowFormat.Transcripts }), StringComparison.Ordinal);

    [Theory]
    [InlineData("{\"prompt\":", "line 2")]
    [InlineData("[1]", "the line is no JSON object")]
    [InlineData("null", "the line is no JSON object")]
    [InlineData("""{"completion":"c"}""", "no text 'prompt'; it has completion")]
    [InlineData("""{"prompt":3}""", "no text 'prompt'; it has prompt")]
    [InlineData("""{"prompt":"a","prompt":"b"}""", "line 2")]
    public void A_malformed_line_is_refused_with_file_and_line(string line, string message)
    {
        var refusal = Refused("{\"prompt\":\"a\"}\n" + line);
        Assert.Contains(message, refusal, StringComparison.Ordinal);
        Assert.Contains("rows.jsonl, line 2: ", refusal, StringComparison.Ordinal);
        Assert.EndsWith(". Mend the line, or set skip_bad to true", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("..", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Malformed_lines_are_left_out_and_counted_where_asked_for()
    {
        var train = Load("{\"prompt\":\"a\"}\nnonsense\n{}\n{\"prompt\":\"b\"}", options => options with { SkipBad = true }).Train;
        Assert.Equal([0, 3], train.Select(row => row.Index));
        Assert.Contains("left out 2 malformed lines of 4", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_refused_with_the_hint()
    {
        Assert.Contains("relative to the manifest", Assert.Throws<PlumblineException>(() => New(new() { Path = "none.jsonl" }).Load(Run())).Message, StringComparison.Ordinal);
        var error = Assert.Throws<PlumblineException>(() => New(new() { Path = "none.jsonl", MissingHint = "fetch it first" }).Load(Run()));
        Assert.Contains(Path.Combine(_folder.FullName, "none.jsonl") + "; fetch it first", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n \n")]
    public void A_file_without_rows_is_refused(string text) =>
        Assert.Contains("has no rows", Refused(text), StringComparison.Ordinal);

    [Fact]
    public void A_file_of_malformed_rows_alone_is_refused_though_they_may_be_skipped() =>
        Assert.Contains("has no rows but 2 malformed ones", Refused("x\ny", options => options with { SkipBad = true }), StringComparison.Ordinal);

    [Fact]
    public void A_byte_order_mark_and_windows_line_ends_make_no_difference()
    {
        File.WriteAllBytes(Path.Combine(_folder.FullName, "rows.jsonl"), [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes("{\"prompt\":\"ü\"}\r\n{\"prompt\":\"b\"}\r\n")]);
        Assert.Equal(["ü", "b"], New(new() { Path = "rows.jsonl" }).Load(Run()).Train.Select(row => row.Text("prompt")));
    }

    [Fact]
    public void Held_out_rows_are_chosen_by_seed_and_row_and_never_learnt_from()
    {
        var all = Load(Numbered(100), options => options with { HeldOut = 20 });
        Assert.Equal((80, 20), (all.Train.Count, all.HeldOut.Count));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), all.Train.Concat(all.HeldOut).Select(row => row.Index).Order());
        Assert.Equal(all.HeldOut.Select(row => row.Index), Load(Numbered(100), options => options with { HeldOut = 20 }).HeldOut.Select(row => row.Index));
        Assert.NotEqual(all.HeldOut.Select(row => row.Index), Load(Numbered(100), options => options with { HeldOut = 20 }, seed: 8).HeldOut.Select(row => row.Index));
        // Another use with fewer rows learns from none that this one holds out.
        var fewer = Load(Numbered(100), options => options with { HeldOut = 20, Limit = 60 });
        Assert.Empty(fewer.Train.Select(row => row.Index).Intersect(all.HeldOut.Select(row => row.Index)));
    }

    [Fact]
    public void Holding_out_every_row_is_refused() =>
        Assert.Contains("none would be left to learn from", Refused(Numbered(3), options => options with { HeldOut = 3 }), StringComparison.Ordinal);

    [Fact]
    public void The_limit_takes_the_first_rows_and_reads_no_further() =>
        Assert.Equal([0, 1], Load(Numbered(2) + "\nnonsense", options => options with { Limit = 2 }).Train.Select(row => row.Index));

    [Fact]
    public void The_final_answer_is_what_follows_the_last_marker()
    {
        Assert.Equal(("1,000", "p"), Only("""{"prompt":"p","completion":"#### 3 so #### 1,000 "}""", options => options with { FinalAnswer = "####" }, "answer", "prompt"));
        Assert.Contains("the completion has no '####'", Refused("""{"prompt":"p","completion":"5"}""", options => options with { FinalAnswer = "####" }), StringComparison.Ordinal);
        Assert.Contains("no text 'completion'", Refused("""{"prompt":"p"}""", options => options with { FinalAnswer = "####" }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_column_to_rename_that_a_row_lacks_is_refused_with_those_it_has() =>
        Assert.Contains("no field 'question'; it has prompt", Refused("""{"prompt":"p"}""", options => options with { Columns = Json("""{"question":"prompt"}""") }), StringComparison.Ordinal);

    [Fact]
    public void Options_that_could_not_work_are_refused_before_the_file_is_read()
    {
        string[] Errors(JsonlOptions options) => [.. options.Check()];
        Assert.Empty(Errors(new() { Path = "p" }));
        Assert.Contains("columns.question must be", Assert.Single(Errors(new() { Path = "p", Columns = Json("""{"question":3}""") })), StringComparison.Ordinal);
        Assert.Contains("prompt_template has no {prompt}", Assert.Single(Errors(new() { Path = "p", PromptTemplate = "Q:" })), StringComparison.Ordinal);
        Assert.Contains("turn must not be empty", Assert.Single(Errors(new() { Path = "p", Turn = string.Empty })), StringComparison.Ordinal);
    }

    private static string Numbered(int count) => string.Join('\n', Enumerable.Range(0, count).Select(i => $$"""{"prompt":"{{i}}"}"""));

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private (string, string) Only(string line, Func<JsonlOptions, JsonlOptions> change, string first, string second)
    {
        var row = Assert.Single(Load(line, change).Train);
        return (row.Text(first), row.Text(second));
    }

    private string Refused(string text, Func<JsonlOptions, JsonlOptions>? change = null) =>
        Assert.Throws<PlumblineException>(() => Load(text, change)).Message;

    private DataSet Load(string text, Func<JsonlOptions, JsonlOptions>? change = null, long seed = 7)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "rows.jsonl"), text);
        var options = new JsonlOptions { Path = "rows.jsonl" };
        return New(change?.Invoke(options) ?? options).Load(Run(seed));
    }

    private Jsonl New(JsonlOptions options) => new(options, _log);

    private RunContext Run(long seed = 7) =>
        new() { Name = "test", Folder = _folder.FullName, BaseFolder = _folder.FullName, Seed = seed, Device = torch.CPU, Dtype = ScalarType.Float32 };

    private sealed class Words : ILogger<Jsonl>
    {
        internal List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
