using Plumbline.Host.Claims;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Claims;

public sealed class ClaimFileTests : IDisposable
{
    private readonly ClaimedPlugin _plugin = new();

    [Fact]
    public void Every_arm_with_every_seed_is_a_run_with_a_whole_manifest()
    {
        var runs = Read().Runs;
        Assert.Equal(["counting/short-0", "counting/long-0", "counting/short-1", "counting/long-1"], runs.Select(run => run.Path));
        var manifest = runs[3].Manifest;
        Assert.Equal(("counting-long", 1, 1, "cpu"), ((string)manifest["name"]!, (int)manifest["seed"]!, (int)manifest["threads"]!, (string)manifest["device"]!));
        Assert.Equal(3, (int)manifest["evaluate"]![0]!["value"]!);
        Assert.Equal("claimed-loop", (string)manifest["stages"]![0]!["use"]!);
    }

    [Fact]
    public void Other_seeds_and_threads_may_be_asked_for()
    {
        _plugin.Experiment["manifest"]!["threads"] = 2;
        var runs = Read(seeds: 3).Runs;
        Assert.Equal(6, runs.Count);
        Assert.Equal(2, (int)runs[0].Manifest["threads"]!);
    }

    [Fact]
    public void Everything_wrong_is_told_at_once_with_its_place_in_the_file()
    {
        _plugin.Experiment["manifest"]!["stages"]![0]!["stepz"] = 1;
        _plugin.Experiment["arms"]!["long"]!["evaluate"]![0]!["use"] = "claimed-numbers";
        _plugin.Experiment["arms"]!["short"]!["seed"] = 3;
        _plugin.Experiment["arms"]!["third"] = 3;
        _plugin.Experiment["checks"]![0]!["value"] = "[lang.number]";
        _plugin.Experiment["checks"]![1]!["value"] = "[short.number";
        _plugin.Experiment["report"]!["r"] = 4;
        var errors = Errors();
        Assert.Equal(
            [
                "claimed-loop: $.experiments[0].arms.short.seed",
                "claimed-loop: $.experiments[0].manifest.stages[0].stepz",
                "claimed-loop: $.experiments[0].arms.long.evaluate[0]",
                "claimed-loop: $.experiments[0].arms.third",
                "claimed-loop: $.experiments[0].checks[0].value",
                "claimed-loop: $.experiments[0].checks[1].value",
                "claimed-loop: $.experiments[0].report.r",
            ],
            errors.Select(error => error.Path));
        Assert.Contains("did you mean 'steps'?", errors[1].Message, StringComparison.Ordinal);
        Assert.Contains("did you mean 'claimed-number'?", errors[2].Message, StringComparison.Ordinal);
        Assert.Contains("there is no arm 'lang'; did you mean 'long'?", errors[4].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_keys_and_missing_thresholds_are_refused()
    {
        _plugin.Claim["titel"] = "x";
        _plugin.Experiment["checks"]![0]!.AsObject().Remove("at_least");
        _plugin.Experiment["checks"]![1]!["at_leest"] = 3;
        Assert.Equal(
            ["claimed-loop: $.titel", "claimed-loop: $.experiments[0].checks[0]", "claimed-loop: $.experiments[0].checks[1].at_leest"],
            Errors().Select(error => error.Path).OrderBy(path => path.Length));
    }

    [Theory]
    [InlineData("[long.number@sft]", "arm 'long' has no stage 'sft'")]
    [InlineData("[long.metrics.level.last@start]", "arm 'long' has no stage 'start'")]
    public void A_stage_that_an_arm_has_not_is_refused(string value, string message)
    {
        _plugin.Experiment["checks"]![0]!["value"] = value;
        Assert.Contains(message, Assert.Single(Errors()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[long.number@claimed-loop]")]
    [InlineData("[long.number@start]")]
    [InlineData("[long.metrics.level.last@claimed-loop]")]
    public void A_stage_that_an_arm_has_is_known(string value)
    {
        _plugin.Experiment["checks"]![0]!["value"] = value;
        Assert.Equal(value, Read().Claim.Experiments[0].Checks[0].Value);
    }

    [Fact]
    public void Over_must_be_of_as_many_seeds_as_there_are()
    {
        _plugin.Experiment["checks"]![0]!["over"] = "4-of-5";
        Assert.Contains("over is '4-of-5', and the experiment has 2 seeds", Assert.Single(Errors()).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _plugin.Dispose();

    private ClaimFile Read(int? seeds = null)
    {
        var registry = Installed.Registry(_plugin.Plugins);
        return ClaimFile.Read(Paper.Find(registry.Catalog, "claimed-loop")!, registry, seeds);
    }

    private IReadOnlyList<ManifestError> Errors() => Assert.Throws<ManifestException>(() => Read()).Errors;
}
