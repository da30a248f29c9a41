namespace Plumbline.Tests.Host.Runs;

public sealed class RefusedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_wrong_manifest_is_refused_with_every_error_and_no_folder(bool json)
    {
        var run = Plumb.RunIn(_folder.Path, null, ["run", Manifest(), "--set", "sede=3", "--set", "stages[0].step=3", .. json ? ["--json"] : Array.Empty<string>()]).With(2);
        Assert.Equal(("refused", 2), ((string)run.Result["verdict"]!, (int)run.Result["exit_code"]!));
        Assert.Equal(2, run.Result["errors"]!.AsArray().Count);
        var words = json ? run.Error : run.Output;
        Assert.Contains("$.sede: unknown option 'sede'; did you mean 'seed'?", words, StringComparison.Ordinal);
        Assert.Contains("$.stages[0].step: unknown option 'step'; did you mean 'steps'?", words, StringComparison.Ordinal);
        Assert.Equal(json, run.Output.Count(letter => letter == '\n') == 1);
        Assert.False(Directory.Exists(_folder.At("runs")));
    }

    [Theory]
    [InlineData("none.jsonc")]
    [InlineData("torn.jsonc")]
    [InlineData("m.jsonc", "--set", "seed")]
    public void What_can_not_be_read_is_refused_alike(string manifest, params string[] more)
    {
        Manifest();
        _folder.Write("torn.jsonc", "{ \"name\": ");
        var run = Plumb.RunIn(_folder.Path, null, ["run", manifest, "--json", .. more]).With(2);
        Assert.Equal("refused", (string)run.Result["verdict"]!);
        Assert.StartsWith("plumb: ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, (int)Plumb.RunIn(_folder.Path, null, ["run", manifest, .. more]).With(2).Result["exit_code"]!);
    }

    [Fact]
    public void A_folder_that_is_not_empty_is_refused()
    {
        _folder.Write("out/mine.txt", "mine");
        var run = Plumb.Run("run", Manifest(), "--out", _folder.At("out")).With(2);
        Assert.Contains("is not empty; a run never writes over another", run.Output, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(_folder.At("out")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_device_that_this_machine_has_not_is_refused_before_a_folder_is_made()
    {
        var run = Plumb.Run("run", Manifest(), "--device", "cuda:77", "--out", _folder.At("out")).With(2);
        Assert.Contains("device 'cuda:77' is not on this machine", run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("out")));
    }

    [Fact]
    public void Without_the_native_library_a_run_is_refused_with_what_is_missing()
    {
        var run = Plumb.RunIn(_folder.Path, new Dictionary<string, string> { ["PLUMB_NATIVE"] = "/nonexistent" }, "run", Manifest()).With(2);
        Assert.Contains("PLUMB_NATIVE names /nonexistent, and there is no such file", run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("runs")));
    }

    [Fact]
    public void A_part_of_a_broken_plugin_is_refused_with_the_reason_and_other_runs_are_not()
    {
        var plugins = _folder.Plugins("Unconfigurable", "UncheckedOptions");
        _folder.Write("bad.jsonc", Tiny.Manifest(Tiny.Grpo("\"unconfigurable\"")));
        Assert.Contains(
            "$.stages[0].rewards[0]: plugin 'Unconfigurable' can't be used: it failed while it was loaded (PlumblineException: the licence of this plugin ran out)",
            Plumb.Run("run", _folder.At("bad.jsonc"), "--plugins", plugins, "--out", _folder.At("out")).With(2).Output, StringComparison.Ordinal);
        _folder.Write("odd.jsonc", Tiny.Manifest(Tiny.Grpo("""{ "use": "unchecked-options", "text": "x" }""")));
        Assert.Contains(
            "plugin 'UncheckedOptions' failed while its options were read", Plumb.Run("run", _folder.At("odd.jsonc"), "--plugins", plugins, "--out", _folder.At("out")).With(2).Output, StringComparison.Ordinal);
        Plumb.Run("run", Manifest(), "--plugins", plugins, "--out", _folder.At("out")).With(0);
    }

    public void Dispose() => _folder.Dispose();

    private string Manifest() => _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Sft()));
}
