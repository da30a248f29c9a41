using System.Text.Json.Nodes;
using Plumbline.Training;

namespace Plumbline.Tests;

public sealed class AnalysisTests
{
    [Fact]
    public void Runs_are_compared_by_their_last_numbers_and_correlated_over_their_steps()
    {
        using var tiny = new Tiny();
        var other = Path.Combine(tiny.Run.Folder, "other");
        Write(tiny.Run.Folder, "metrics.jsonl", """{"stage":"s","step":0,"loss":2,"gap":1}""", """{"stage":"s","step":1,"loss":1,"gap":2}""", """{"stage":"s","step":2,"loss":0,"gap":3}""");
        Write(tiny.Run.Folder, "evaluations.jsonl", """{"after":"start","stage_index":-1,"score":0.1}""", """{"after":"s","stage_index":0,"score":0.5}""");
        Write(other, "metrics.jsonl", """{"stage":"s","step":0,"loss":7,"gap":5}""");
        new Analysis(
            new AnalysisOptions
            {
                Runs = [other],
                Metrics = ["score", "loss", "measured"],
                Correlations = [new Correlation { X = "loss", Y = "gap" }],
                Measures = [Part<IEvaluation>.Of("constant", new Constant())],
            },
            tiny.Stage).Run(CancellationToken.None);
        var report = JsonNode.Parse(File.ReadAllText(Path.Combine(tiny.Run.Folder, "stage.json")))!;
        Assert.Equal("""[{"run":"test","numbers":{"score":0.5,"loss":0,"measured":42}},{"run":"other","numbers":{"loss":7}}]""", report["runs"]!.ToJsonString());
        Assert.Equal([("test", 3, -1.0), ("other", 1, null), ("over the runs", 2, 1.0)], report["correlations"]!.AsArray().Select(found => ((string)found!["where"]!, (int)found["points"]!, (double?)found["pearson"])));
        Assert.Contains("| other |  | 7 |  |", File.ReadAllText(Path.Combine(tiny.Run.Folder, "stage.md")), StringComparison.Ordinal);
        Assert.Equal(42, tiny.Recorder.Metrics.Single()["measured"]);
    }

    [Fact]
    public void What_no_run_has_is_named()
    {
        using var tiny = new Tiny();
        Write(tiny.Run.Folder, "metrics.jsonl", """{"step":0,"loss":2}""");
        Assert.Contains("'score'", Fail(new AnalysisOptions { Metrics = ["score"], Correlations = [new Correlation { X = "a", Y = "b" }] }), StringComparison.Ordinal);
        Assert.Contains("no run's folder", Fail(new AnalysisOptions { Runs = ["/nowhere"] }), StringComparison.Ordinal);
        Assert.Contains("nothing to tell", Fail(new AnalysisOptions()), StringComparison.Ordinal);

        string Fail(AnalysisOptions options) => Assert.Throws<PlumblineException>(() => new Analysis(options, tiny.Stage).Run(CancellationToken.None)).Message;
    }

    private static void Write(string folder, string file, params string[] lines)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, file), lines);
    }

    private sealed class Constant : IEvaluation
    {
        public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel) => new Dictionary<string, double> { ["measured"] = 42 };
    }
}
