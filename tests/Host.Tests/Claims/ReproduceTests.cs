using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Plumbline.Tests.Host.Claims;

public sealed class ReproduceTests : IDisposable
{
    private readonly ClaimedPlugin _plugin = new();

    [Fact]
    public void A_claim_that_holds_is_told_with_every_number_and_leaves_no_runs_behind()
    {
        var run = _plugin.Reproduce("claimed-loop").With(0);
        Assert.Contains("claimed-loop: Who counts further gets further.\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("the paper (arXiv 9999.00001): twice as far\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("held  long is further: 2 (2, 2); claimed: at least 2, every seed\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("held  it counts: 7 (2, 12); claimed: at least 7 and at most 7\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("measured  stages: 1 (1, 1)\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\nclaimed-loop: held, 2 of 2 checks held, \d+\.\d s\n", run.Output);
        Assert.Matches(@"\[4/4\] counting/(long|short)-\d: completed, \d", run.Output);
        Assert.Empty(Directory.GetDirectories(_plugin.At("runs")));
        Assert.Empty(Directory.GetFiles(_plugin.At("docs")));
    }

    [Fact]
    public void A_claim_that_does_not_hold_has_an_exit_code_of_its_own_and_its_runs_stay()
    {
        _plugin.Experiment["checks"]![0]!["at_least"] = 2.5;
        var run = _plugin.Reproduce("claimed-number", "--jobs", "1").With(3);
        Assert.Contains("not held  long is further: 2 (2, 2); claimed: at least 2.5, every seed\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("\nclaimed-loop: not held, 1 of 2 checks held", run.Output, StringComparison.Ordinal);
        var kept = Assert.Single(Directory.GetDirectories(_plugin.At("runs")));
        Assert.Matches(@"^reproduce-claimed-loop-\d{8}-\d{6}$", Path.GetFileName(kept));
        Assert.Equal(["long-0", "long-1", "short-0", "short-1"], Directory.GetDirectories(Path.Combine(kept, "counting")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.True(File.Exists(Path.Combine(kept, "counting", "long-1", "metrics.jsonl")));
    }

    [Fact]
    public void A_run_that_fails_is_named_with_its_reason()
    {
        _plugin.Experiment["arms"]!["short"]!["stages"] = JsonNode.Parse("""[{ "use": "claimed-loop", "fails_at": 1 }]""");
        var run = _plugin.Reproduce("claimed-loop", "--json", _plugin.At("results.json")).With(1);
        Assert.Contains("failed  run counting/short-0: failed, exit code 1: it was asked to fail", run.Output, StringComparison.Ordinal);
        Assert.Contains("not measured  long is further: not measured", run.Output, StringComparison.Ordinal);
        var result = JsonNode.Parse(File.ReadAllText(_plugin.At("results.json")))![0]!;
        Assert.Equal(("claimed-loop", "failed", 2), ((string)result["id"]!, (string)result["verdict"]!, result["failures"]!.AsArray().Count));
        Assert.Null(result["experiments"]![0]!["checks"]![0]!["held"]);
    }

    [Fact]
    public void A_number_that_was_not_measured_fails_with_the_nearest_name()
    {
        _plugin.Experiment["checks"]![0]!["value"] = "[long.nomber]";
        _plugin.Experiment["report"]!["nothing"] = "1 / ([long.number] - 3)";
        var run = _plugin.Reproduce("claimed-loop").With(1);
        Assert.Contains("failed  experiment counting, 'long is further': [long.nomber]: nothing named 'nomber' was measured after 'claimed-loop'; did you mean 'number'?", run.Output, StringComparison.Ordinal);
        Assert.Contains("'nothing': 1 / ([long.number] - 3) is Infinity with seed 0", run.Output, StringComparison.Ordinal);
        Assert.Contains("held  it counts", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_claim_is_refused_before_anything_runs()
    {
        _plugin.Experiment["checks"]![0]!["value"] = "[lang.number]";
        _plugin.Experiment["checks"]![1]!.AsObject().Remove("at_least");
        _plugin.Experiment["checks"]![1]!.AsObject().Remove("at_most");
        var run = _plugin.Reproduce("claimed-loop").With(2);
        Assert.Contains("plumb: claimed-loop: $.experiments[0].checks[1]: it has no threshold", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_plugin.At("runs")));
    }

    [Fact]
    public void A_diagnosis_is_told_and_does_not_keep_a_run_from_being_measured()
    {
        _plugin.Experiment["arms"]!["short"]!["stages"] = JsonNode.Parse("""[{ "use": "claimed-loop", "steps": 0 }]""");
        var run = _plugin.Reproduce("claimed-loop").With(0);
        Assert.Contains("counting/short-0: diagnosed: no-steps, ", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_claim_and_for_an_unknown_id_the_refusal_says_what_there_is()
    {
        _ = _plugin.Plugins;
        Assert.Contains("claimed-lop: no installed plugin brings it; did you mean 'claimed-loop'?", _plugin.Reproduce("claimed-lop").With(2).Error, StringComparison.Ordinal);
        Assert.Contains("name a paper", _plugin.Reproduce().With(2).Error, StringComparison.Ordinal);
        var plugins = _plugin.Plugins;
        File.Delete(Path.Combine(plugins, "Claimed", "claim.json"));
        Assert.Contains("has no claim.json: it claims nothing that could be reproduced", Plumb.RunIn(_plugin.Folder, null, "reproduce", "claimed-loop", "--plugins", plugins).With(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void With_json_standard_output_is_the_results_alone()
    {
        var run = _plugin.Reproduce("claimed-loop", "--json").With(0);
        var result = Assert.Single(JsonNode.Parse(run.Output)!.AsArray())!;
        Assert.Equal(("claimed-loop", "On Counting", "held"), ((string)result["id"]!, (string)result["title"]!, (string)result["verdict"]!));
        Assert.Equal([2, 12], result["experiments"]![0]!["checks"]![1]!["seeds"]!.AsArray().Select(number => (double)number!));
        Assert.Contains("claimed-loop: held", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void All_writes_the_pages_and_update_changes_one_papers_part_of_them()
    {
        Directory.CreateDirectory(_plugin.At("docs"));
        File.WriteAllText(_plugin.At("docs", "claims.json"), """
            [{ "id": "other", "claim": "c", "arxiv": "1", "figure": "f", "verdict": "held", "engine": "e", "experiments": [], "failures": [] }]
            """);
        _plugin.Reproduce("claimed-loop", "--update").With(0);
        Assert.Equal(["claimed-loop held", "other held"], Known());
        _plugin.Experiment["checks"]![0]!["at_least"] = 3;
        _plugin.Reproduce("--all").With(3);
        Assert.Equal(["claimed-loop not held"], Known());
        var page = File.ReadAllText(_plugin.At("docs", "claims.md"));
        Assert.Contains("Written by `plumb reproduce`", page, StringComparison.Ordinal);
        Assert.Contains("| [claimed-loop](#claimed-loop) | not held | 1 of 2 checks held | Who counts further gets further. |\n", page, StringComparison.Ordinal);
        Assert.Contains("| long is further | 2 (2, 2) | at least 3, every seed | not held |\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("seconds", page, StringComparison.Ordinal);

        IEnumerable<string> Known() => JsonNode.Parse(File.ReadAllText(_plugin.At("docs", "claims.json")))!.AsArray().Select(result => $"{result!["id"]} {result["verdict"]}");
    }

    [Fact]
    public void A_quick_look_with_fewer_seeds_is_written_nowhere()
    {
        var run = _plugin.Reproduce("--all", "--seeds", "1").With(3);
        Assert.Contains("not held  it counts: 2; claimed", run.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_plugin.At("docs")));
        Assert.Contains("take --seeds out", _plugin.Reproduce("claimed-loop", "--seeds", "1", "--update").With(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupt_ends_the_runs_and_what_is_known_is_told()
    {
        _plugin.Experiment["manifest"]!["stages"]![0]!["pause"] = 300;
        _plugin.Experiment["manifest"]!["stages"]![0]!["steps"] = 1000;
        using var process = _plugin.Start("claimed-loop", "--jobs", "2", "--out", _plugin.At("out"), "--json");
        var metrics = _plugin.At("out", "counting", "long-0", "metrics.jsonl");
        var began = Stopwatch.GetTimestamp();
        while (!File.Exists(metrics) || new FileInfo(metrics).Length == 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1), "no run began");
            Thread.Sleep(20);
        }

        LiveRun.Send(-process.Id, PosixSignal.SIGINT);
        var ended = Plumb.End(process).With(130);
        var result = JsonNode.Parse(ended.Output)![0]!;
        Assert.Equal("interrupted", (string)result["verdict"]!);
        Assert.Empty(result["failures"]!.AsArray());
        Assert.Contains("not measured  long is further", ended.Error, StringComparison.Ordinal);
        Assert.Equal("interrupted", (string)JsonNode.Parse(File.ReadAllText(_plugin.At("out", "counting", "long-0", "result.json")))!["verdict"]!);
        // Those that had not begun never did.
        Assert.False(Directory.Exists(_plugin.At("out", "counting", "long-1")));
    }

    public void Dispose() => _plugin.Dispose();
}
