using System.Text.Json.Nodes;
using Plumbline.Options;
using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class DataStageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("plumbline-data-stage-").FullName;

    [Fact]
    public void A_later_stage_reads_what_the_transforms_made_in_order()
    {
        var stage = NewStage();
        New(stage, options => options with { As = "made", Transforms = [Renamed("a"), Renamed("b")] }).Run(CancellationToken.None);
        var made = new StageData(new StageDataOptions { Name = "made" }).Load(stage.Run);
        Assert.Equal(["one-a-b", "two-a-b"], made.Train.Select(row => row.Text("prompt")));
        Assert.Equal(["kept-a-b"], made.HeldOut.Select(row => row.Text("prompt")));
    }

    [Fact]
    public void Held_out_rows_stay_as_they_are_where_asked_for()
    {
        var stage = NewStage();
        New(stage, options => options with { Transforms = [Renamed("a")], TransformHeldOut = false }).Run(CancellationToken.None);
        Assert.Equal(["kept"], stage.Run.DataSets["stage"].HeldOut.Select(row => row.Text("prompt")));
    }

    [Fact]
    public void The_rows_are_in_the_runs_folder_and_the_counts_in_its_metrics()
    {
        var recorder = new MemoryRecorder();
        New(NewStage(recorder), options => options with { As = "made" }).Run(CancellationToken.None);
        var lines = File.ReadAllLines(Path.Combine(_folder, "data", "made.jsonl"));
        Assert.Equal(["one", "two"], lines.Select(line => (string)JsonNode.Parse(line)!["prompt"]!));
        Assert.Single(File.ReadAllLines(Path.Combine(_folder, "data", "made.held-out.jsonl")));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(_folder, "data")).Length);
        Assert.Equal(2, recorder.Metrics.Single()["rows"]);
        Assert.Equal(1, recorder.Metrics.Single()["held_out"]);
    }

    [Fact]
    public void A_stage_of_a_name_that_none_made_says_which_there_are()
    {
        var stage = NewStage();
        var data = new StageData(new StageDataOptions { Name = "paris" });
        Assert.Contains("there is none", Assert.Throws<PlumblineException>(() => data.Load(stage.Run)).Message, StringComparison.Ordinal);
        New(stage, options => options with { As = "pairs" }).Run(CancellationToken.None);
        Assert.Contains("there are pairs", Assert.Throws<PlumblineException>(() => data.Load(stage.Run)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_given_once()
    {
        var stage = NewStage();
        New(stage).Run(CancellationToken.None);
        Assert.Contains("already", Assert.Throws<PlumblineException>(() => New(stage).Run(CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_set_without_rows_is_refused() => Assert.Contains(
        "of 2 rows", Assert.Throws<PlumblineException>(() => New(NewStage(), options => options with { Transforms = [Change(_ => [])] }).Run(CancellationToken.None)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_cancelled_stage_makes_nothing()
    {
        var recorder = new MemoryRecorder();
        var stage = NewStage(recorder);
        New(stage).Run(new CancellationToken(canceled: true));
        Assert.Empty(stage.Run.DataSets);
        Assert.Empty(recorder.Metrics);
    }

    [Theory]
    [InlineData("../up")]
    [InlineData("")]
    [InlineData(".hidden")]
    public void A_name_that_is_no_files_is_refused(string name) => Assert.Single(new DataStageOptions { Data = Tiny.Words(), As = name }.Check());

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private StageContext NewStage(MemoryRecorder? recorder = null) => new()
    {
        Run = new RunContext { Name = "test", Folder = _folder, BaseFolder = _folder, Seed = 1, Device = TorchSharp.torch.CPU, Dtype = ScalarType.Float32 },
        Index = 0,
        Name = "stage",
        Services = new Tiny.NoServices(),
        Recorder = recorder ?? new MemoryRecorder(),
        Log = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance,
    };

    private static DataStage New(StageContext stage, Func<DataStageOptions, DataStageOptions>? change = null)
    {
        var options = new DataStageOptions { Data = Part<IData>.Of("memory", new Rows()) };
        return new DataStage(change?.Invoke(options) ?? options, stage);
    }

    private static Part<ITransform> Renamed(string ending) => Change(rows => [.. rows.Select(row => Row(row.Index, row.Text("prompt") + "-" + ending))]);

    private static Part<ITransform> Change(Func<IReadOnlyList<Example>, IReadOnlyList<Example>> change) => Part<ITransform>.Of("change", new Changed(change));

    private static Example Row(long index, string prompt) => new(index, new JsonObject { ["prompt"] = prompt });

    private sealed class Rows : IData
    {
        public DataSet Load(RunContext run) => new([Row(0, "one"), Row(1, "two")], [Row(2, "kept")]);
    }

    private sealed class Changed(Func<IReadOnlyList<Example>, IReadOnlyList<Example>> change) : ITransform
    {
        public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) => change(rows);
    }
}
