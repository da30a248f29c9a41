namespace Plumbline.Tests.Host.Commands;

public sealed class VerifyTests : IDisposable
{
    private static readonly string Vectors = Path.Combine(Repository.Root, "tests", "vectors");
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Every_method_passes_its_reference_cases()
    {
        var run = Plumb.Run("verify").With(0);
        Assert.Matches(@"^\d+ passed, 0 failed", run.Output.TrimEnd('\n').Split('\n')[^1]);
    }

    [Fact]
    public void Results_are_written_as_json_an_object_a_case()
    {
        Plumb.Run("verify", "dpo", "simpo", "--json", _folder.At("results.json")).With(0);
        var results = JsonNode.Parse(File.ReadAllText(_folder.At("results.json")))!.AsArray();
        Assert.Equal(["dpo", "simpo"], results.Select(result => (string)result!["paper"]!).Distinct());
        Assert.All(results, result =>
        {
            Assert.Equal(["paper", "target", "case", "passed", "skipped", "message"], result!.AsObject().Select(field => field.Key));
            Assert.True((bool)result["passed"]!);
            Assert.NotEmpty((string)result["case"]!);
        });
    }

    [Fact]
    public void A_number_that_differs_fails_its_case_alone()
    {
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(Vectors, "simpo.json")))!;
        file["cases"]![0]!["outputs"]!["loss"]!["data"]![0] = 1.5;
        _folder.Write("vectors/simpo.json", file.ToJsonString());
        var run = Plumb.Run("verify", "--vectors", _folder.At("vectors"), "--json", _folder.At("results.json")).With(1);
        var name = (string)file["cases"]![0]!["name"]!;
        Assert.Contains($"failed simpo: {name}: ", run.Output, StringComparison.Ordinal);
        Assert.Contains($"{file["cases"]!.AsArray().Count - 1} passed, 1 failed", run.Output, StringComparison.Ordinal);
        var failed = JsonNode.Parse(File.ReadAllText(_folder.At("results.json")))!.AsArray().Single(result => !(bool)result!["passed"]!)!;
        Assert.Equal(name, (string)failed["case"]!);
        Assert.Contains("loss", (string)failed["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_paper_without_its_plugin_is_skipped_and_listed()
    {
        File.Delete(Path.Combine(_folder.Plugins(), "SimPo"));
        var run = Plumb.Run("verify", "simpo", "dpo", "--plugins", _folder.At("plugins"), "--json", _folder.At("results.json")).With(0);
        Assert.Contains("skipped, no plugin installed: simpo", run.Output, StringComparison.Ordinal);
        var skipped = JsonNode.Parse(File.ReadAllText(_folder.At("results.json")))!.AsArray().Single(result => (bool)result!["skipped"]!)!;
        Assert.Equal(("simpo", null), ((string)skipped["paper"]!, (bool?)skipped["passed"]));
    }

    [Fact]
    public void Building_blocks_below_the_plugins_need_no_plugin()
    {
        Directory.CreateDirectory(_folder.At("none"));
        var run = Plumb.Run("verify", "multimodal-toy", "--plugins", _folder.At("none")).With(0);
        Assert.DoesNotContain("skipped", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_checked_is_no_success()
    {
        File.Delete(Path.Combine(_folder.Plugins(), "SimPo"));
        Plumb.Run("verify", "simpo", "--plugins", _folder.At("plugins")).With(1);
    }

    [Fact]
    public void An_unknown_paper_is_named()
    {
        var run = Plumb.Run("verify", "nothing").With(1);
        Assert.Contains("there are no reference cases for 'nothing'", run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
